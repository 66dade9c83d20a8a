{{ config(materialized='table') }}

-- Advice is given only if two shares differ by more than chance or a failure keeps recurring, if time or
-- money is at stake, and if there is something to do. A strategy without a sentence in strategy_rules follows
-- from the task and cannot be chosen.
with strategies as (
    select
        strategies.*,
        rules.advice as strategy_advice,
        case strategies.task_source
            when 'delegation' then 'delegations'
            else 'tasks'
        end || ' of type ' || strategies.task_type
            as work_name,
        first_value(strategies.strategy_name) over work as best_strategy,
        first_value(rules.advice) over work as best_advice,
        first_value(strategies.difference_low > 0) over work as has_better,
        first_value(strategies.success_count) over work as best_success_count,
        first_value(strategies.judged_count) over work as best_judged_count
    from {{ ref('v_best_strategy') }} as strategies
    inner join {{ ref('strategy_rules') }} as rules
        on rules.strategy_name = strategies.strategy_name and rules.advice is not null
    where
        strategies.cost_usd >= {{ var('advice_usd') }}
        or strategies.total_seconds >= {{ var('advice_minutes') }} * 60
    window work as (
        partition by strategies.task_type, strategies.task_source order by strategies.rank_in_type
        rows between unbounded preceding and unbounded following
    )
),

advice as (
    select
        case when difference_low > 0 then 'prefer' else 'avoid' end as advice_kind,
        task_type,
        task_source,
        strategy_name,
        cast(null as varchar) as failure_reason,
        case
            when difference_low > 0
                then
                strategy_advice || ' for ' || work_name || ': ' || cast(success_count as varchar)
                || ' of ' || cast(judged_count as varchar)
                || ' succeeded, with other strategies ' || cast(other_success_count as varchar) || ' of '
                || cast(other_judged_count as varchar) || '.'
            else
                best_advice || ' rather than "' || strategy_advice || '" for ' || work_name || ': '
                || cast(best_success_count as varchar)
                || ' of ' || cast(best_judged_count as varchar) || ' succeeded, against '
                || cast(success_count as varchar) || ' of '
                || cast(judged_count as varchar) || '.'
        end as advice,
        'estimated' as provenance,
        judged_count as based_on_attempts,
        other_judged_count as other_attempts,
        success_ratio,
        success_ratio_low,
        success_ratio_high,
        other_success_ratio,
        difference_low,
        difference_high,
        case when difference_low > 0 then difference_low else -difference_high end as strength,
        avg_confidence as confidence
    from strategies
    -- Only if it is known what to do instead.
    where difference_low > 0 or (has_better and best_strategy <> strategy_name)
    union all
    select
        'watch',
        main_task_type,
        cast(null as varchar),
        cast(null as varchar),
        failure_reason,
        advice || ' Failures of the kind "' || failure_reason || '": ' || cast(failure_count as varchar)
        || ' so far, in '
        || cast(session_count as varchar) || ' sessions, most often (' || cast(main_type_count as varchar)
        || ') in tasks of type '
        || main_task_type || '.',
        'estimated',
        failure_count,
        cast(null as bigint),
        cast(null as double),
        cast(null as double),
        cast(null as double),
        cast(null as double),
        cast(null as double),
        cast(null as double),
        failure_share,
        avg_confidence
    from {{ ref('v_failure_reason') }}
    where failure_count >= {{ var('advice_attempts') }} and main_type_count >= {{ var('failure_repeats') }}
)

select
    {{ surrogate_key(['advice_kind', 'task_type', 'task_source', 'strategy_name', 'failure_reason']) }}
        as advice_id,
    advice_kind,
    task_type,
    task_source,
    strategy_name,
    failure_reason,
    advice,
    provenance,
    row_number() over (
        order by advice_kind, strength desc, task_type, task_source, strategy_name, failure_reason
    ) as advice_order,
    cast(based_on_attempts as bigint) as based_on_attempts,
    cast(other_attempts as bigint) as other_attempts,
    success_ratio,
    success_ratio_low,
    success_ratio_high,
    other_success_ratio,
    difference_low,
    difference_high,
    strength,
    confidence
from advice
