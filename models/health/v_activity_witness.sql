{{ config(materialized='table') }}

{#-
    The client's statistics count messages in ways that have changed between versions: a day lacks some if the
    store has fewer lines by more than this share.
#}
{%- set tolerance = var('message_count_tolerance', 0.05) %}

-- What other files of the client say about a day, beside what the store has of it. Commands, shell lines and
-- memory notes are left out on both sides: some of them leave no line.
with sessions as (
    select session_id, working_dir, project_path
    from {{ ref('dim_session') }}
),

-- Sessions whose lines have expired had been landed.
expired as (
    select session_id, project_path, started_at
    from {{ ref('stg_retention__session') }}
),

-- The project that most sessions of a folder belong to.
folders as (
    select
        working_dir,
        min_by(project_path, (-session_count, project_path)) as project_path
    from (
        select working_dir, project_path, count(*) as session_count
        from sessions
        where working_dir is not null
        group by all
    ) as counted
    group by working_dir
),

typed as (
    select
        history.session_id,
        coalesce(
            sessions.project_path, expired.project_path, folders.project_path, history.working_dir, 'unknown'
        ) as project_path,
        coalesce(expired.session_id, sessions.session_id) is not null as is_landed,
        expired.session_id is not null as is_expired,
        history.activity_date,
        min(history.first_seen_at) as first_seen_at,
        max(history.last_seen_at) as last_seen_at,
        sum(history.prompt_count) as prompt_count
    from {{ ref('int_typed_prompt') }} as history
    left join sessions on sessions.session_id = history.session_id
    left join expired on expired.session_id = history.session_id
    left join folders on folders.working_dir = history.working_dir
    group by all
),

stored as (
    select
        prompts.session_id,
        sessions.project_path,
        cast({{ local_time('prompts.prompted_at') }} as date) as activity_date,
        count(*) as prompt_count
    from {{ ref('fact_prompt') }} as prompts
    inner join sessions on sessions.session_id = prompts.session_id
    where
        prompts.prompted_at is not null and prompts.command_name is null
        and prompts.prompt_origin not in (
            'command', 'local_command', 'shell', 'task_notification', 'system', 'scheduled'
        )
    group by all
),

-- Old clients named only the folder: their lines are compared with the sessions that no line names.
prompt_days as (
    select
        typed.*,
        coalesce(stored.prompt_count, 0) as stored_prompt_count
    from typed
    left join stored
        on stored.session_id = typed.session_id and stored.activity_date = typed.activity_date
    where typed.session_id is not null
    union all by name
    select
        typed.*,
        coalesce(unnamed.prompt_count, 0) as stored_prompt_count
    from typed
    left join (
        select stored.project_path, stored.activity_date, sum(stored.prompt_count) as prompt_count
        from stored
        anti join typed on typed.session_id = stored.session_id
        group by all
    ) as unnamed
        on unnamed.project_path = typed.project_path and unnamed.activity_date = typed.activity_date
    where typed.session_id is null
),

-- A prompt may be sent after midnight, or hours after it was typed: a session lacks only what it lacks on
-- all its days together.
session_totals as (
    select
        typed.session_id,
        greatest(typed.prompt_count - coalesce(sent.prompt_count, 0), 0) as missing_prompt_count
    from (
        select session_id, sum(prompt_count) as prompt_count
        from typed
        group by session_id
    ) as typed
    left join (
        select session_id, sum(prompt_count) as prompt_count
        from stored
        group by session_id
    ) as sent
        on sent.session_id = typed.session_id
),

short_days as (
    select
        prompt_days.*,
        greatest(prompt_days.prompt_count - prompt_days.stored_prompt_count, 0) as short_count,
        session_totals.missing_prompt_count as missing_in_session,
        coalesce(sum(greatest(prompt_days.prompt_count - prompt_days.stored_prompt_count, 0)) over (
            partition by prompt_days.session_id
            order by prompt_days.activity_date rows between unbounded preceding and 1 preceding
        ), 0) as short_before,
        row_number() over (partition by prompt_days.session_id order by prompt_days.activity_date)
            as day_number
    from prompt_days
    left join session_totals on session_totals.session_id = prompt_days.session_id
),

history as (
    select
        session_id,
        project_path,
        activity_date,
        'history' as witness,
        first_seen_at,
        last_seen_at,
        case when session_id is not null and day_number = 1 then 1 else 0 end as session_count,
        prompt_count,
        case when session_id is not null and day_number = 1 and not is_landed then 1 else 0 end
            as missing_session_count,
        case
            when is_expired then 0
            when session_id is null then short_count
            else least(short_count, greatest(missing_in_session - short_before, 0))
        end as missing_prompt_count
    from short_days
),

-- The client counts a session on the day of its first message, in UTC or in its zone. Its idea of a message
-- has changed: a day lacks some only if all lines of the day are fewer.
stored_days as (
    select activity_date, max(session_count) as session_count, max(line_count) as line_count
    from (
        select activity_date, count(*) as session_count, sum(line_count) as line_count
        from {{ ref('int_session_day') }}
        group by activity_date
        union all
        select
            cast(session_started_at as date) as activity_date,
            count(distinct session_id),
            sum(line_count)
        from {{ ref('int_session_day') }}
        group by all
        union all
        select
            cast({{ local_time('session_started_at') }} as date) as activity_date,
            count(distinct session_id),
            sum(line_count)
        from {{ ref('int_session_day') }}
        group by all
    ) as ways
    group by activity_date
),

-- A day of which lines have expired cannot be compared any more.
expired_days as (
    select distinct cast({{ local_time('started_at') }} as date) as activity_date
    from expired
),

statistics as (
    select
        stats.activity_date,
        sum(stats.session_count) as session_count,
        sum(stats.message_count) as message_count,
        bool_or(expired_days.activity_date is not null) as is_expired,
        max(coalesce(stored_days.session_count, 0)) as stored_session_count,
        max(coalesce(stored_days.line_count, 0)) as line_count
    from {{ ref('int_activity_witness') }} as stats
    left join stored_days on stored_days.activity_date = stats.activity_date
    left join expired_days on expired_days.activity_date = stats.activity_date
    where stats.witness = 'stats_cache'
    group by stats.activity_date
),

-- Every session that began with hooks on has a folder. One without a prompt may have been opened and closed,
-- and one that is not to be saved leaves no transcript: such a session is counted, but nothing is known to be
-- missing.
-- Several hosts of a lake may have the folder of one session.
folders_seen as (
    select session_id, min(first_seen_at) as first_seen_at
    from {{ ref('int_activity_witness') }}
    where witness = 'session_environment'
    group by session_id
),

environments as (
    select
        folders_seen.session_id,
        coalesce(sessions.project_path, expired.project_path) as project_path,
        folders_seen.first_seen_at,
        cast({{ local_time('folders_seen.first_seen_at') }} as date) as activity_date,
        sessions.session_id is null and expired.session_id is null and typed_in.session_id is null
            as is_unsaved
    from folders_seen
    left join sessions on sessions.session_id = folders_seen.session_id
    left join expired on expired.session_id = folders_seen.session_id
    left join (select distinct session_id from typed) as typed_in
        on typed_in.session_id = folders_seen.session_id
),

witnesses as (
    select
        history.*,
        cast(null as bigint) as message_count,
        cast(null as bigint) as missing_message_count,
        case
            when missing_session_count > 0 then 1
            else missing_prompt_count / prompt_count
        end as missing_ratio
    from history
    union all by name
    select
        activity_date,
        'stats_cache' as witness,
        session_count,
        message_count,
        case when is_expired then 0 else missing_session_count end as missing_session_count,
        case when is_expired then 0 else missing_message_count end as missing_message_count,
        case
            when not is_expired
                then greatest(
                    coalesce(missing_session_count / nullif(session_count, 0), 0),
                    coalesce(missing_message_count / nullif(message_count, 0), 0)
                )
        end as missing_ratio
    from (
        select
            *,
            greatest(session_count - stored_session_count, 0) as missing_session_count,
            case
                when line_count < message_count * (1 - {{ tolerance }})
                    then message_count - line_count
                else 0
            end as missing_message_count
        from statistics
    ) as compared
    union all by name
    select
        days.session_id,
        coalesce(sessions.project_path, 'unknown') as project_path,
        days.activity_date,
        'thread' as witness,
        days.first_line_at as first_seen_at,
        days.line_count + days.gap_count as message_count,
        0 as missing_session_count,
        days.gap_count as missing_message_count,
        days.gap_count / (days.line_count + days.gap_count) as missing_ratio
    from {{ ref('int_session_day') }} as days
    left join sessions on sessions.session_id = days.session_id
    where days.gap_count > 0
    union all by name
    select
        session_id,
        project_path,
        activity_date,
        'session_environment' as witness,
        first_seen_at,
        1 as session_count,
        0 as missing_session_count,
        cast(is_unsaved as integer) as unsaved_session_count
    from environments
)

select
    {{ surrogate_key(['witness', 'session_id', 'project_path', 'activity_date']) }} as witness_id,
    session_id,
    project_path,
    first_seen_at,
    last_seen_at,
    activity_date,
    witness,
    coalesce(missing_ratio > 0, false) as is_missing,
    cast(session_count as bigint) as session_count,
    cast(prompt_count as bigint) as prompt_count,
    cast(message_count as bigint) as message_count,
    cast(missing_session_count as bigint) as missing_session_count,
    cast(missing_prompt_count as bigint) as missing_prompt_count,
    cast(missing_message_count as bigint) as missing_message_count,
    cast(coalesce(unsaved_session_count, 0) as bigint) as unsaved_session_count,
    cast(missing_ratio as double) as missing_ratio
from witnesses
