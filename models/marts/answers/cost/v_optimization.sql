{{ config(materialized='table') }}

{#-
    The limit of component_budgets for the usual result of a tool: one in a hundred
    results of the corpus is larger.
#}
{%- set large_result_tokens = var('large_result_tokens', 10000) %}

-- What would have been cheaper or faster, with the evidence: each row has a cause that recurred, a named
-- subject, and dollars or minutes a month that matter. Only months with work count, starting with that of the
-- first occurrence.
with months as (
    select distinct date_trunc('month', entered_at) as active_month
    from {{ ref('fact_context_segment') }}
    where entered_at is not null
),

segments as (
    select
        component_id,
        component_name,
        item_kind,
        file_path,
        tokens,
        cost_usd,
        entered_at,
        coalesce(left_at, entered_at) as left_at
    from {{ ref('fact_context_segment') }}
),

carried as (
    select
        'carried_unused_result' as optimization_type,
        cast(null as varchar) as component_id,
        cause_name as subject,
        {{ suggestion('carried_unused_result') }} as suggestion,
        count(*) as occurrence_count,
        sum(tokens) as tokens,
        sum(carrying_cost_usd) as total_usd,
        cast(null as double) as minutes,
        min(entered_at) as first_at,
        max(left_at) as last_at,
        cast(count(*) as varchar) || ' times, by '
        || min(
            case when file_path is null or invocation_id is not null then component_name else 'attachment' end
        )
        || ': ' || {{ grouped_number('sum(tokens)') }} || ' tokens, carried for up to '
        || cast(max(requests_carried) as varchar) || ' requests' as evidence
    from {{ ref('v_carrying_cost') }}
    where not is_instruction
    group by cause_name
),

misses as (
    select
        {{ cache_miss_group('cause') }} as cause,
        session_id,
        missed_at,
        missed_tokens,
        extra_cost_usd,
        gap_seconds
    from {{ ref('fact_cache_miss') }}
    -- No advice for a miss without a known cause, or for a changed prefix that the client does not explain.
    where cause not in ('unknown', 'unavailable', 'changed_prefix')
),

missed as (
    select
        'cache_' || cause as optimization_type,
        cast(null as varchar) as component_id,
        {{ cache_miss_subject('cause') }} as subject,
        {{ cache_miss_advice('cause') }} as suggestion,
        count(*) as occurrence_count,
        sum(missed_tokens) as tokens,
        sum(extra_cost_usd) as total_usd,
        cast(null as double) as minutes,
        min(missed_at) as first_at,
        max(missed_at) as last_at,
        cast(count(*) as varchar) || ' misses in ' || cast(count(distinct session_id) as varchar)
        || case when count(distinct session_id) = 1 then ' session: ' else ' sessions: ' end
        || {{ grouped_number('sum(missed_tokens)') }} || ' tokens billed again, median pause '
        || {{ grouped_number('median(gap_seconds) / 60') }} || ' min' as evidence
    from misses
    group by cause
),

component_times as (
    select
        component_id,
        min(entered_at) as first_at,
        max(left_at) as last_at
    from segments
    group by component_id
),

over_budget as (
    select
        'over_budget_' || budgets.component_type as optimization_type,
        budgets.component_id,
        budgets.component_name as subject,
        case
            when budgets.component_type = 'tool' then 'Limit its results: '
            else 'Shorten it: '
        end || budgets.reason as suggestion,
        budgets.entry_count as occurrence_count,
        budgets.component_tokens as tokens,
        budgets.excess_cost_usd as total_usd,
        cast(null as double) as minutes,
        times.first_at,
        times.last_at,
        {{ grouped_number('budgets.component_tokens') }} || ' tokens against a limit of '
        || {{ grouped_number('budgets.limit_tokens') }}
        || ', entered ' || cast(budgets.entry_count as varchar) || ' times in '
        || cast(budgets.session_count as varchar)
        || case when budgets.session_count = 1 then ' session' else ' sessions' end as evidence
    from {{ ref('v_over_budget_component') }} as budgets
    left join component_times as times on times.component_id = budgets.component_id
),

-- Single results that are too large, from tools whose usual results are not, and the file that most of them
-- came from.
large_results as (
    select
        *,
        cost_usd * (1 - {{ large_result_tokens }} / tokens) as excess_usd,
        sum(cost_usd) over (partition by component_id, file_path) as file_usd
    from segments
    where item_kind = 'tool_result' and tokens > {{ large_result_tokens }}
),

oversized as (
    select
        'oversized_result' as optimization_type,
        component_id,
        component_name as subject,
        'Limit what it returns (a range, a filter, a count), or have a subagent read it' as suggestion,
        count(*) as occurrence_count,
        sum(tokens) as tokens,
        sum(excess_usd) as total_usd,
        cast(null as double) as minutes,
        min(entered_at) as first_at,
        max(left_at) as last_at,
        cast(count(*) as varchar) || ' results of more than '
        || {{ grouped_number(large_result_tokens) }} || ' tokens, the largest '
        || {{ grouped_number('max(tokens)') }}
        || coalesce(', most of all ' || max_by(nullif(file_path, ''), (file_usd, file_path)), '')
        || '; only the part above the limit counts' as evidence
    from large_results
    group by component_id, component_name
),

reread as (
    select
        'reread_file' as optimization_type,
        cast(null as varchar) as component_id,
        document_path as subject,
        {{ suggestion('reread_file') }} as suggestion,
        sum(reread_count) as occurrence_count,
        sum(reread_tokens) as tokens,
        sum(reread_cost_usd) as total_usd,
        cast(null as double) as minutes,
        min(first_reread_at) as first_at,
        max(last_reread_at) as last_at,
        'read again ' || cast(sum(reread_count) as varchar) || ' times in '
        || cast(count(distinct session_id) as varchar)
        || case when count(distinct session_id) = 1 then ' session' else ' sessions' end
        || coalesce(': ' || {{ grouped_number('sum(reread_tokens)') }} || ' tokens', '') as evidence
    from {{ ref('v_reread') }}
    group by document_path
),

-- Names that share a namespace, and the connectors of one account, become one row.
unused_groups as (
    select
        *,
        {{ regex_group('component_name', '^([^:]+:|claude_ai_|.*)') }} as group_name
    from {{ ref('v_unused_offer') }}
),

unused as (
    select
        'unused_' || offer_type as optimization_type,
        case when count(*) = 1 then max(component_id) end as component_id,
        case
            when count(*) = 1 then max(component_name)
            else group_name || '* (' || cast(count(*) as varchar) || ' '
                || replace(replace(offer_type, '_', ' '), 'mcp', 'MCP') || 's)'
        end as subject,
        case
            when count(*) = 1
                then 'Switch it off where you can: its name and description are sent with every request'
            else 'Switch them off where you can: their names and descriptions are sent with every request'
        end as suggestion,
        max(offered_session_count) as occurrence_count,
        cast(null as bigint) as tokens,
        sum(cost_usd) as total_usd,
        cast(null as double) as minutes,
        min(first_offered_at) as first_at,
        max(last_offered_at) as last_at,
        'offered in ' || case when count(*) = 1 then '' else 'up to ' end
        || cast(max(offered_session_count) as varchar)
        || ' sessions from ' || cast(cast(min(first_offered_at) as date) as varchar) || ' to '
        || cast(cast(max(last_offered_at) as date) as varchar) || ', never used' as evidence
    from unused_groups
    -- Sessions in which it was offered and not used before we suggest to switch it off: a choice.
    where offered_session_count >= {{ var('unused_offer_sessions', 5) }}
    group by offer_type, group_name
),

-- Calls that a person or rule refused, except plans (a plan that is sent back is work). A wait is capped at
-- `away_minutes`: beyond that the person is away.
denials as (
    select
        case when tool_name in ('Bash', 'PowerShell') then {{ command_program('target') }} end as program,
        tool_name,
        session_id,
        invoked_at,
        least(coalesce(duration_ms, 0) / 60000.0, {{ var('away_minutes') }}) as minutes
    from {{ ref('fact_tool_invocation') }}
    where
        status = 'denied'
        and tool_name not in ('ExitPlanMode', 'exit_plan_mode', 'EnterPlanMode', 'AskUserQuestion')
),

denied as (
    select
        'denied_call' as optimization_type,
        cast(null as varchar) as component_id,
        coalesce(program, tool_name) as subject,
        'Decide in advance: allow it in the permissions, or forbid it in the memory file'
            as suggestion,
        count(*) as occurrence_count,
        cast(null as bigint) as tokens,
        cast(null as double) as total_usd,
        sum(minutes) as minutes,
        min(invoked_at) as first_at,
        max(invoked_at) as last_at,
        'not allowed ' || cast(count(*) as varchar) || ' times in '
        || cast(count(distinct session_id) as varchar)
        || case when count(distinct session_id) = 1 then ' session' else ' sessions' end || ', after '
        || {{ grouped_number('sum(minutes)') }} || ' minutes of waiting' as evidence
    from denials
    group by coalesce(program, tool_name)
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
    union all
    select * from denied
),

by_month as (
    select
        suggestions.optimization_type,
        suggestions.subject,
        greatest(count(months.active_month), 1) as month_count
    from suggestions
    left join months
        on months.active_month >= coalesce(date_trunc('month', suggestions.first_at), months.active_month)
    group by suggestions.optimization_type, suggestions.subject
)

select
    {{ surrogate_key(['suggestions.optimization_type', 'suggestions.subject']) }} as optimization_id,
    suggestions.component_id,
    suggestions.first_at as first_seen_at,
    suggestions.last_at as last_seen_at,
    suggestions.optimization_type,
    suggestions.subject,
    suggestions.suggestion,
    suggestions.evidence
    || coalesce('; ' || {{ dollars_text('suggestions.total_usd') }} || ' in all', '') as evidence,
    'estimated' as provenance,
    cast(suggestions.occurrence_count as bigint) as occurrence_count,
    cast(suggestions.tokens as bigint) as tokens,
    cast(suggestions.total_usd as double) as total_usd,
    cast(suggestions.total_usd / by_month.month_count as double) as dollars_per_month,
    cast(suggestions.minutes / by_month.month_count as double) as minutes_per_month
from suggestions
inner join by_month
    on by_month.optimization_type = suggestions.optimization_type and by_month.subject = suggestions.subject
-- A reader judged 326 suggestions: 165 were single events of a few cents, and none below half a dollar a
-- month was worth acting on. The limits are choices.
where
    suggestions.occurrence_count >= {{ var('repeated_cause', 3) }}
    and (
        suggestions.total_usd / by_month.month_count >= {{ var('least_monthly_dollars', 0.5) }}
        or suggestions.minutes / by_month.month_count >= {{ var('least_monthly_minutes', 1) }}
    )
