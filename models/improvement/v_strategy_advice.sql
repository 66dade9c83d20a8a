-- Advice is given only where the intervals of two strategies do not overlap by more than chance, or a failure keeps coming back.
with strategies as (
    select * from {{ ref('v_best_strategy') }}
),

totals as (
    select
        task_type,
        sum(judged_count) as judged_count,
        sum(success_count) as success_count
    from strategies
    group by task_type
),

compared as (
    select
        strategies.*,
        totals.judged_count - strategies.judged_count as other_judged_count,
        (totals.success_count - strategies.success_count) / nullif(totals.judged_count - strategies.judged_count, 0) as other_success_ratio,
        rules.advice as strategy_advice
    from strategies
    inner join totals on totals.task_type = strategies.task_type
    inner join {{ ref('strategy_rules') }} as rules on rules.strategy_name = strategies.strategy_name
),

advice as (
    select
        'prefer' as advice_kind,
        task_type,
        strategy_name,
        cast(null as varchar) as failure_reason,
        strategy_advice || ' for tasks of type ' || task_type || ': ' || cast(success_count as varchar) || ' of '
        || cast(judged_count as varchar) || ' went well, of the other ways '
        || cast(cast(round(other_success_ratio * 100) as bigint) as varchar) || ' %.' as advice,
        judged_count as based_on_attempts,
        success_ratio,
        success_ratio_low,
        success_ratio_high,
        other_success_ratio,
        success_ratio_low - other_success_ratio as strength
    from compared
    where
        least(judged_count, other_judged_count) >= {{ var('advice_attempts') }} and success_ratio_low > other_success_ratio
    union all
    select
        'avoid',
        task_type,
        strategy_name,
        cast(null as varchar),
        'Think twice before "' || strategy_name || '" for tasks of type ' || task_type || ': only '
        || cast(success_count as varchar) || ' of ' || cast(judged_count as varchar) || ' went well, of the other ways '
        || cast(cast(round(other_success_ratio * 100) as bigint) as varchar) || ' %.',
        judged_count,
        success_ratio,
        success_ratio_low,
        success_ratio_high,
        other_success_ratio,
        other_success_ratio - success_ratio_high
    from compared
    where
        least(judged_count, other_judged_count) >= {{ var('advice_attempts') }} and success_ratio_high < other_success_ratio
    union all
    select
        'watch',
        cast(null as varchar),
        cast(null as varchar),
        failure_reason,
        'Watch for failures of the kind "' || failure_reason || '": ' || cast(failure_count as varchar) || ' so far, '
        || cast(cast(round(failure_share * 100) as bigint) as varchar) || ' % of all.',
        failure_count,
        cast(null as double),
        cast(null as double),
        cast(null as double),
        cast(null as double),
        failure_share
    from {{ ref('v_failure_reason') }}
    where failure_count >= {{ var('advice_attempts') }}
)

select
    {{ surrogate_key(['advice_kind', 'task_type', 'strategy_name', 'failure_reason']) }} as advice_id,
    advice_kind,
    task_type,
    strategy_name,
    failure_reason,
    advice,
    row_number() over (order by advice_kind, strength desc, task_type, strategy_name, failure_reason) as advice_order,
    cast(based_on_attempts as bigint) as based_on_attempts,
    success_ratio,
    success_ratio_low,
    success_ratio_high,
    other_success_ratio,
    strength
from advice
