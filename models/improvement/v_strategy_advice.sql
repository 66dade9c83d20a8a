-- Advice is given only where two shares differ by more than chance, or a failure keeps coming back. The interval of a
-- difference is Newcombe's, from the Wilson intervals of both shares.
with strategies as (
    select *
    from {{ ref('v_best_strategy') }}
    -- These say how a task was put and not what work it was.
    where task_type not in ('command', 'other', 'continue', 'correction', 'thanks')
),

totals as (
    select
        task_type,
        task_source,
        sum(judged_count) as judged_count,
        sum(success_count) as success_count
    from strategies
    group by task_type, task_source
),

compared as (
    select
        strategies.*,
        cast(totals.judged_count - strategies.judged_count as bigint) as other_judged_count,
        cast(totals.success_count - strategies.success_count as bigint) as other_success_count,
        (totals.success_count - strategies.success_count) / nullif(totals.judged_count - strategies.judged_count, 0) as other_success_ratio,
        case strategies.task_source when 'delegation' then 'delegations' else 'tasks' end || ' of type ' || strategies.task_type
            as work_name,
        rules.advice as strategy_advice
    from strategies
    inner join totals on totals.task_type = strategies.task_type and totals.task_source = strategies.task_source
    inner join {{ ref('strategy_rules') }} as rules on rules.strategy_name = strategies.strategy_name
),

bounded as (
    select
        *,
        {{ wilson_low('other_success_count', 'other_judged_count') }} as other_ratio_low,
        {{ wilson_high('other_success_count', 'other_judged_count') }} as other_ratio_high
    from compared
    where least(judged_count, other_judged_count) >= {{ var('advice_attempts') }}
),

differences as (
    select
        *,
        round(success_ratio - other_success_ratio - sqrt(
            power(success_ratio - success_ratio_low, 2) + power(other_ratio_high - other_success_ratio, 2)
        ), 6) as difference_low,
        round(success_ratio - other_success_ratio + sqrt(
            power(success_ratio_high - success_ratio, 2) + power(other_success_ratio - other_ratio_low, 2)
        ), 6) as difference_high
    from bounded
),

-- A tool's own error has the advice for errors.
failure_advice as (
    select
        failure_reason,
        min(advice) as advice
    from {{ ref('outcome_rules') }}
    where advice is not null
    group by failure_reason
),

advice as (
    select
        case when difference_low > 0 then 'prefer' else 'avoid' end as advice_kind,
        task_type,
        task_source,
        strategy_name,
        cast(null as varchar) as failure_reason,
        case when difference_low > 0 then strategy_advice || ' for ' else 'Think twice before "' || strategy_name || '" for ' end
        || work_name || case when difference_low > 0 then ': ' else ': only ' end || cast(success_count as varchar) || ' of '
        || cast(judged_count as varchar) || ' went well, of the other ways ' || cast(other_success_count as varchar) || ' of '
        || cast(other_judged_count as varchar) || '.' as advice,
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
    from differences
    where difference_low > 0 or difference_high < 0
    union all
    select
        'watch',
        cast(null as varchar),
        cast(null as varchar),
        cast(null as varchar),
        failures.failure_reason,
        coalesce(known.advice, errors.advice) || ' Failures of the kind "' || failures.failure_reason || '": '
        || cast(failures.failure_count as varchar) || ' so far, '
        || cast(cast(round(failures.failure_share * 100) as bigint) as varchar) || ' % of all.',
        'estimated',
        failures.failure_count,
        cast(null as bigint),
        cast(null as double),
        cast(null as double),
        cast(null as double),
        cast(null as double),
        cast(null as double),
        cast(null as double),
        failures.failure_share,
        failures.avg_confidence
    from {{ ref('v_failure_reason') }} as failures
    left join failure_advice as known on known.failure_reason = failures.failure_reason
    left join failure_advice as errors on errors.failure_reason = 'error'
    where failures.failure_count >= {{ var('advice_attempts') }}
)

select
    {{ surrogate_key(['advice_kind', 'task_type', 'task_source', 'strategy_name', 'failure_reason']) }} as advice_id,
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
