{{ config(materialized='table') }}

-- What would have been cheaper, as rows with their evidence. What it costs a month is what it cost in the newest 30 days of the
-- data: a store of a year with three busy weeks would otherwise show a twelfth of them.
with newest as (
    select max(coalesce(left_at, entered_at)) - interval 30 day as recent_from
    from {{ ref('fact_context_segment') }}
),

segments as (
    select
        segments.component_id,
        segments.component_name,
        segments.item_kind,
        segments.tokens,
        segments.cost_usd,
        coalesce(segments.left_at, segments.entered_at) >= newest.recent_from as is_recent
    from {{ ref('fact_context_segment') }} as segments
    cross join newest
),

carried as (
    select
        'carried_unused_result' as optimization_type,
        cast(null as varchar) as component_id,
        subject,
        'Ask for less of it, or have a subagent read it: it was carried long and nothing of it came up again' as suggestion,
        count(*) as occurrence_count,
        sum(tokens) as tokens,
        sum(carrying_cost_usd) as total_usd,
        sum(case when left_at >= newest.recent_from then carrying_cost_usd else 0 end) as recent_usd,
        case when count(*) = 1 then 'once' else cast(count(*) as varchar) || ' times' end
        || ', by ' || min(case when file_path is null or invocation_id is not null then component_name else 'attachment' end)
        || ': ' || {{ grouped_number('sum(tokens)') }} || ' tokens, carried for up to '
        || cast(max(requests_carried) as varchar) || ' requests' as evidence
    from {{ ref('v_carrying_cost') }}
    cross join newest
    where not is_instruction
    group by subject
),

missed as (
    select
        'cache_' || misses.cause as optimization_type,
        cast(null as varchar) as component_id,
        models.model_name as subject,
        {{ cache_miss_advice('misses.cause') }} as suggestion,
        count(*) as occurrence_count,
        sum(misses.missed_tokens) as tokens,
        sum(misses.extra_cost_usd) as total_usd,
        sum(case when misses.missed_at >= newest.recent_from then misses.extra_cost_usd else 0 end) as recent_usd,
        cast(count(*) as varchar) || case when count(*) = 1 then ' miss in ' else ' misses in ' end
        || cast(count(distinct misses.session_id) as varchar)
        || case when count(distinct misses.session_id) = 1 then ' session: ' else ' sessions: ' end
        || {{ grouped_number('sum(misses.missed_tokens)') }} || ' tokens billed again, median pause '
        || {{ grouped_number('median(misses.gap_seconds) / 60') }} || ' min' as evidence
    from {{ ref('fact_cache_miss') }} as misses
    inner join {{ ref('dim_model') }} as models on models.model_id = misses.model_id
    cross join newest
    -- Of a miss without a known cause nothing can be advised.
    where misses.cause not in ('unknown', 'unavailable')
    group by misses.cause, models.model_name
),

recent_components as (
    select
        component_id,
        sum(cost_usd) filter (where is_recent) as recent_usd,
        sum(cost_usd) as total_usd
    from segments
    group by component_id
),

over_budget as (
    select
        'over_budget_' || budgets.component_type as optimization_type,
        budgets.component_id,
        budgets.component_name as subject,
        case when budgets.component_type = 'tool' then 'Ask it for less: ' else 'Shorten it: ' end || budgets.reason as suggestion,
        budgets.entry_count as occurrence_count,
        budgets.component_tokens as tokens,
        budgets.excess_cost_usd as total_usd,
        budgets.excess_cost_usd * coalesce(recents.recent_usd, 0) / nullif(recents.total_usd, 0) as recent_usd,
        {{ grouped_number('budgets.component_tokens') }} || ' tokens against a limit of ' || {{ grouped_number('budgets.limit_tokens') }}
        || '; entered ' || case when budgets.entry_count = 1 then 'once' else cast(budgets.entry_count as varchar) || ' times' end
        || ' in ' || cast(budgets.session_count as varchar) || case when budgets.session_count = 1 then ' session' else ' sessions' end
        as evidence
    from {{ ref('v_over_budget_component') }} as budgets
    left join recent_components as recents on recents.component_id = budgets.component_id
),

-- Single results of a tool that are too large, though its usual ones are not.
oversized as (
    select
        'oversized_result' as optimization_type,
        component_id,
        component_name as subject,
        'Limit what it returns (a range, a filter, a count), or have a subagent read it' as suggestion,
        count(*) as occurrence_count,
        sum(tokens) as tokens,
        sum(cost_usd * (1 - {{ var('large_result_tokens') }} / tokens)) as total_usd,
        sum(case when is_recent then cost_usd * (1 - {{ var('large_result_tokens') }} / tokens) else 0 end) as recent_usd,
        cast(count(*) as varchar) || case when count(*) = 1 then ' result of more than ' else ' results of more than ' end
        || {{ grouped_number(var('large_result_tokens')) }} || ' tokens, the largest ' || {{ grouped_number('max(tokens)') }}
        || '; what is above the limit counts' as evidence
    from segments
    where item_kind = 'tool_result' and tokens > {{ var('large_result_tokens') }}
    group by component_id, component_name
),

reread as (
    select
        'reread_file' as optimization_type,
        cast(null as varchar) as component_id,
        document_path as subject,
        'It was still in the context, unchanged: no need to read it again' as suggestion,
        sum(reread_count) as occurrence_count,
        sum(reread_tokens) as tokens,
        sum(reread_cost_usd) as total_usd,
        sum(case when last_reread_at >= newest.recent_from then reread_cost_usd else 0 end) as recent_usd,
        'read again ' || case when sum(reread_count) = 1 then 'once' else cast(sum(reread_count) as varchar) || ' times' end || ' in '
        || cast(count(distinct session_id) as varchar)
        || case when count(distinct session_id) = 1 then ' session' else ' sessions' end
        || coalesce(': ' || {{ grouped_number('sum(reread_tokens)') }} || ' tokens', '') as evidence
    from {{ ref('v_reread') }}
    cross join newest
    group by document_path
),

-- What a listing costs per name is not known, so these have no dollars. Names with one namespace are one row.
unused as (
    select
        'unused_' || offer_type as optimization_type,
        case when count(*) = 1 then max(component_id) end as component_id,
        case
            when count(*) = 1 then max(component_name)
            else {{ regex_group('component_name', '^([^:]+:|.*)') }} || ' ' || cast(count(*) as varchar) || ' ' || offer_type || 's'
        end as subject,
        'Switch it off where you can: its name and description are sent with every request' as suggestion,
        max(offered_session_count) as occurrence_count,
        cast(null as bigint) as tokens,
        cast(null as double) as total_usd,
        cast(null as double) as recent_usd,
        'offered in ' || case when count(*) = 1 then '' else 'up to ' end || cast(max(offered_session_count) as varchar)
        || ' sessions from ' || cast(cast(min(first_offered_at) as date) as varchar) || ' to '
        || cast(cast(max(last_offered_at) as date) as varchar) || ', never used' as evidence
    from {{ ref('v_unused_offer') }}
    cross join newest
    where offered_session_count >= {{ var('unused_offer_sessions') }} and last_offered_at >= newest.recent_from
    group by offer_type, {{ regex_group('component_name', '^([^:]+:|.*)') }}
),

suggestions as (
    select * from carried
    union all
    select * from missed
    union all
    select * from over_budget
    union all
    select * from oversized
    union all
    select * from reread
    union all
    select * from unused
)

select
    {{ surrogate_key(['optimization_type', 'subject']) }} as optimization_id,
    optimization_type,
    component_id,
    subject,
    suggestion,
    evidence || coalesce('; ' || {{ dollars_text('total_usd') }} || ' in all', '') as evidence,
    'estimated' as provenance,
    cast(occurrence_count as bigint) as occurrence_count,
    cast(tokens as bigint) as tokens,
    cast(total_usd as double) as total_usd,
    cast(recent_usd as double) as dollars_per_month
from suggestions
-- Below five cents it is noise.
where total_usd >= 0.05 or total_usd is null
