{{ config(materialized='view') }}

-- Prompts and delegations are judged by different signs, so they are never ranked against each other.
with measured as (
    select
        work_type,
        task_source,
        strategy_name,
        count(*) as attempt_count,
        count(success) as judged_count,
        count(*) filter (where success) as success_count,
        count(distinct session_id) as session_count,
        count(distinct agent_id) as agent_count,
        avg(outcome_confidence) as avg_confidence,
        median(duration_seconds) as median_seconds,
        median(cost_usd) as median_cost_usd,
        max(attempted_at) as last_attempted_at
    from {{ ref('fact_strategy_attempt') }}
    group by work_type, task_source, strategy_name
),

bounded as (
    select
        *,
        success_count / nullif(judged_count, 0) as success_ratio,
        {{ wilson_low('success_count', 'judged_count') }} as success_ratio_low,
        {{ wilson_high('success_count', 'judged_count') }} as success_ratio_high
    from measured
)

select
    work_type as task_type,
    task_source,
    strategy_name,
    case
        when judged_count > 0 then row_number() over (
            partition by work_type, task_source order by success_ratio_low desc nulls last, attempt_count desc, strategy_name
        )
    end as rank_in_type,
    cast(attempt_count as bigint) as attempt_count,
    cast(judged_count as bigint) as judged_count,
    cast(success_count as bigint) as success_count,
    cast(session_count as bigint) as session_count,
    cast(agent_count as bigint) as agent_count,
    success_ratio,
    success_ratio_low,
    success_ratio_high,
    avg_confidence,
    cast(median_seconds as double) as median_seconds,
    cast(median_cost_usd as double) as median_cost_usd,
    last_attempted_at
from bounded
