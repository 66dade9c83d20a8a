{{ config(materialized='table') }}

with stored as (
    select * from {{ ref('v_project_day') }}
),

witnesses as (
    select * from {{ ref('v_activity_witness') }}
),

-- History and threads know the project of what they name.
named as (
    select
        activity_date,
        project_path,
        bool_or(witness = 'history') as has_history,
        bool_or(witness = 'thread') as has_gap,
        sum(prompt_count) filter (where witness = 'history') as witnessed_prompt_count,
        count(distinct session_id) filter (where witness = 'history') as witnessed_session_count,
        coalesce(sum(missing_session_count), 0) as missing_session_count,
        coalesce(sum(missing_prompt_count), 0) as missing_prompt_count,
        coalesce(sum(missing_message_count) filter (where witness = 'thread'), 0) as missing_line_count,
        max(last_seen_at) filter (where is_missing and witness = 'history') as missing_last_seen_at
    from witnesses
    where witness in ('history', 'thread')
    group by activity_date, project_path
),

environments as (
    select distinct activity_date, project_path
    from witnesses
    where witness = 'session_environment'
),

project_days as (
    select activity_date, project_path from stored
    union
    select activity_date, project_path from named
),

-- The statistics know only the day. Sessions that the history misses are part of what they miss.
named_days as (
    select
        activity_date,
        sum(missing_session_count) as missing_session_count,
        sum(missing_session_count + missing_prompt_count) > 0 as is_explained
    from named
    group by activity_date
),

counted as (
    select
        stats.activity_date,
        stats.session_count,
        stats.message_count,
        stats.is_missing,
        stats.missing_ratio,
        greatest(stats.missing_session_count - coalesce(named_days.missing_session_count, 0), 0)
            as unnamed_session_count,
        coalesce(named_days.is_explained, false) as is_explained
    from witnesses as stats
    left join named_days on named_days.activity_date = stats.activity_date
    where stats.witness = 'stats_cache'
),

-- The statistics cover all days from their first to their last.
covered as (
    select min(activity_date) as first_date, max(activity_date) as last_date
    from counted
),

only_projects as (
    select activity_date, min(project_path) as project_path
    from project_days
    group by activity_date
    having count(*) = 1
),

-- What no project explains belongs to the only one of the day, or else to a row without a project.
unexplained as (
    select
        counted.*,
        only_projects.project_path
    from counted
    left join only_projects on only_projects.activity_date = counted.activity_date
    where counted.is_missing and (counted.unnamed_session_count > 0 or not counted.is_explained)
),

days as (
    select activity_date, project_path from project_days
    union
    select activity_date, project_path from unexplained
),

-- The client's own total of a session, by the share of each day in our total of it.
sessions_beside as (
    select
        session_id,
        greatest(sum(their_usd - our_usd), 0) as unlogged_cost_usd
    from {{ ref('v_reconciliation') }}
    where
        comparison = 'cost-state'
        and cause in (
            'requests_not_in_transcript', 'auxiliary_model_not_in_transcript',
            'transcript_is_ahead_of_cost_state'
        )
    group by session_id
),

session_days as (
    select
        session_id,
        usage_date,
        coalesce(project_path, 'unknown') as project_path,
        coalesce(sum(cost_usd), 0) as cost_usd
    from {{ ref('v_spending') }}
    where usage_date is not null
    group by all
),

session_costs as (
    select session_id, sum(cost_usd) as cost_usd
    from session_days
    group by session_id
),

unlogged as (
    select
        session_days.usage_date as activity_date,
        session_days.project_path,
        sum(sessions_beside.unlogged_cost_usd * session_days.cost_usd / nullif(session_costs.cost_usd, 0))
            as unlogged_cost_usd
    from session_days
    inner join session_costs on session_costs.session_id = session_days.session_id
    inner join sessions_beside on sessions_beside.session_id = session_days.session_id
    group by all
),

-- Whether a landing took place while the client still kept what is missing.
landings as (
    select distinct landed_on from {{ ref('int_landing') }}
),

joined as (
    select
        days.activity_date,
        days.project_path,
        stored.deletes_on,
        coalesce(named.has_history, false) as has_history,
        coalesce(
            case
                when counted.activity_date is not null then counted.missing_ratio is not null
                else days.activity_date between covered.first_date and covered.last_date
            end, false
        ) as has_statistics,
        coalesce(named.has_gap, false) as has_gap,
        unlogged.activity_date is not null as has_cost_state,
        environments.activity_date is not null as has_environment,
        coalesce(counted.is_missing, false) as is_day_short,
        coalesce(named.missing_session_count, 0) + coalesce(unexplained.unnamed_session_count, 0)
            as missing_session_count,
        coalesce(named.missing_prompt_count, 0) as missing_prompt_count,
        coalesce(named.missing_line_count, 0) as missing_line_count,
        unexplained.activity_date is not null as is_unexplained,
        coalesce(stored.session_count, 0) as session_count,
        coalesce(stored.prompt_count, 0) as prompt_count,
        coalesce(stored.response_count, 0) as response_count,
        coalesce(stored.line_count, 0) as line_count,
        named.witnessed_session_count,
        named.witnessed_prompt_count,
        counted.session_count as counted_session_count,
        counted.message_count as counted_message_count,
        stored.cost_usd,
        unlogged.unlogged_cost_usd,
        coalesce(named.missing_last_seen_at, cast(days.activity_date as timestamp))
            as missing_last_seen_at,
        -- Each estimate of the missing share, from one witness.
        coalesce(named.missing_prompt_count, 0)
        / nullif(coalesce(stored.prompt_count, 0) + coalesce(named.missing_prompt_count, 0), 0)
            as prompt_ratio,
        case when unexplained.activity_date is not null then counted.missing_ratio end as statistics_ratio,
        coalesce(named.missing_line_count, 0)
        / nullif(coalesce(stored.line_count, 0) + coalesce(named.missing_line_count, 0), 0) as line_ratio
    from days
    cross join covered
    left join stored
        on stored.activity_date = days.activity_date and stored.project_path = days.project_path
    left join named on named.activity_date = days.activity_date and named.project_path = days.project_path
    left join counted on counted.activity_date = days.activity_date
    left join unexplained
        on unexplained.activity_date = days.activity_date
        and unexplained.project_path is not distinct from days.project_path
    left join unlogged
        on unlogged.activity_date = days.activity_date and unlogged.project_path = days.project_path
    left join environments
        on environments.activity_date = days.activity_date and environments.project_path = days.project_path
),

judged as (
    select
        *,
        case
            when missing_session_count + missing_prompt_count + missing_line_count > 0 or is_unexplained
                then false
            when has_history or (has_statistics and not is_day_short) then true
        end as is_complete,
        greatest(prompt_ratio, statistics_ratio, line_ratio) as missing_ratio
    from joined
),

timely as (
    select distinct
        judged.activity_date,
        judged.project_path
    from judged
    inner join landings
        on landings.landed_on between cast(judged.missing_last_seen_at as date)
        and cast(judged.missing_last_seen_at as date) + {{ var('cleanup_period_days') }}
    where judged.missing_session_count > 0
)

select
    judged.activity_date,
    judged.project_path,
    case
        when judged.project_path is not null
            then coalesce(projects.project_name, {{ path_name('judged.project_path') }}, 'unknown')
    end as project_name,
    judged.deletes_on,
    concat_ws(
        ', ',
        case when judged.has_history then 'history' end,
        case when judged.has_statistics then 'stats_cache' end,
        case when judged.has_gap then 'thread' end,
        case when judged.has_cost_state then 'cost_state' end,
        case when judged.has_environment then 'session_environment' end
    ) as witnesses,
    case
        when judged.is_complete or judged.missing_ratio is null or judged.missing_ratio = 0 then null
        when judged.missing_ratio = judged.prompt_ratio then 'prompts of the history'
        when judged.missing_ratio = judged.statistics_ratio then 'sessions or messages of stats_cache'
        else 'gaps in threads (at least)'
    end as missing_ratio_basis,
    case
        when judged.is_complete is not false then null
        when judged.missing_session_count = 0 then 'lines_missing'
        when timely.activity_date is not null then 'not_found_in_time'
        else 'deleted_by_cleanup'
    end as missing_cause,
    judged.is_complete,
    cast(
        cast(judged.has_history as integer) + cast(judged.has_statistics as integer)
        + cast(judged.has_gap as integer) + cast(judged.has_cost_state as integer)
        + cast(judged.has_environment as integer) as bigint
    ) as witness_count,
    cast(judged.session_count as bigint) as session_count,
    cast(judged.prompt_count as bigint) as prompt_count,
    cast(judged.response_count as bigint) as response_count,
    cast(judged.line_count as bigint) as line_count,
    cast(judged.witnessed_session_count as bigint) as history_session_count,
    cast(judged.witnessed_prompt_count as bigint) as history_prompt_count,
    cast(judged.counted_session_count as bigint) as statistics_session_count,
    cast(judged.counted_message_count as bigint) as statistics_message_count,
    cast(judged.missing_session_count as bigint) as missing_session_count,
    cast(judged.missing_prompt_count as bigint) as missing_prompt_count,
    cast(judged.missing_line_count as bigint) as missing_line_count,
    judged.cost_usd,
    cast(judged.unlogged_cost_usd as double) as unlogged_cost_usd,
    cast(
        case
            when judged.is_complete then 0
            when not judged.is_complete then judged.missing_ratio
        end as double
    ) as missing_ratio
from judged
left join timely
    on timely.activity_date = judged.activity_date
    and timely.project_path is not distinct from judged.project_path
left join {{ ref('int_project') }} as projects on projects.project_path = judged.project_path
