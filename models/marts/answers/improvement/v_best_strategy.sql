-- Prompts and delegations are judged by different evidence and not ranked together. Only judgements by
-- persons count: passing tests would favour strategies that run tests, whatever they achieve.
with measured as (
    select
        work_type,
        task_source,
        strategy_name,
        count(*) as attempt_count,
        count(*) filter (where was_judged_by_person) as judged_count,
        count(*) filter (where was_judged_by_person and success) as success_count,
        count(distinct session_id) as session_count,
        count(distinct agent_id) as agent_count,
        avg(outcome_confidence) filter (where was_judged_by_person) as avg_confidence,
        median(duration_seconds) as median_seconds,
        median(cost_usd) as median_cost_usd,
        sum(duration_seconds) as total_seconds,
        sum(cost_usd) as cost_usd,
        max(attempted_at) as last_attempted_at
    from {{ ref('fact_strategy_attempt') }}
    where {{ is_kind_of_work('work_type') }}
    group by work_type, task_source, strategy_name
),

compared as (
    select
        *,
        cast(sum(judged_count) over work - judged_count as bigint) as other_judged_count,
        cast(sum(success_count) over work - success_count as bigint) as other_success_count
    from measured
    window work as (partition by work_type, task_source)
),

bounded as (
    select
        *,
        success_count / judged_count as success_ratio,
        {{ wilson_low('success_count', 'judged_count') }} as success_ratio_low,
        {{ wilson_high('success_count', 'judged_count') }} as success_ratio_high,
        other_success_count / other_judged_count as other_success_ratio,
        {{ wilson_low('other_success_count', 'other_judged_count') }} as other_ratio_low,
        {{ wilson_high('other_success_count', 'other_judged_count') }} as other_ratio_high
    from compared
    where least(judged_count, other_judged_count) >= {{ var('advice_attempts') }}
),

differences as (
    select
        *,
        {{ difference_low('success_ratio', 'success_ratio_low', 'other_success_ratio', 'other_ratio_high') }}
            as difference_low,
        {{ difference_high('success_ratio', 'success_ratio_high', 'other_success_ratio', 'other_ratio_low') }}
            as difference_high
    from bounded
)

select
    work_type as task_type,
    task_source,
    strategy_name,
    row_number() over (
        partition by work_type, task_source order by success_ratio_low desc, attempt_count desc, strategy_name
    ) as rank_in_type,
    cast(attempt_count as bigint) as attempt_count,
    cast(judged_count as bigint) as judged_count,
    cast(success_count as bigint) as success_count,
    other_judged_count,
    other_success_count,
    cast(session_count as bigint) as session_count,
    cast(agent_count as bigint) as agent_count,
    success_ratio,
    success_ratio_low,
    success_ratio_high,
    other_success_ratio,
    difference_low,
    difference_high,
    avg_confidence,
    cast(median_seconds as double) as median_seconds,
    cast(median_cost_usd as double) as median_cost_usd,
    cast(total_seconds as double) as total_seconds,
    cost_usd,
    last_attempted_at
from differences
where difference_low > 0 or difference_high < 0
