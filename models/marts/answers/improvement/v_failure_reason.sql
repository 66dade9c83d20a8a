{{ config(materialized='table') }}

-- depends_on: {{ ref('outcome_rules') }}

-- A reason counts if it recurs in more than one session, has cost something and can be acted on.
with failures as (
    select *
    from {{ ref('fact_strategy_attempt') }}
    where not success
),

-- A tool's own error gets the advice for errors.
advice as (
    select
        failure_reason,
        min(advice) as advice
    from {{ ref('outcome_rules') }}
    where advice is not null
    group by failure_reason
),

types as (
    select
        failure_reason,
        max_by(work_type, (type_count, work_type)) as main_task_type,
        max(type_count) as main_type_count
    from (
        select failure_reason, work_type, count(*) as type_count
        from failures
        where work_type <> 'unknown'
        group by failure_reason, work_type
    ) as counted
    group by failure_reason
),

reasons as (
    select
        failure_reason,
        count(*) as failure_count,
        count(distinct task_id) as task_count,
        count(distinct session_id) as session_count,
        count(*) / sum(count(*)) over () as failure_share,
        {{ distinct_texts('strategy_name') }} as strategies,
        {{ distinct_texts('work_type') }} as task_types,
        avg(outcome_confidence) as avg_confidence,
        median(duration_seconds) as median_seconds,
        sum(duration_seconds) as total_seconds,
        sum(cost_usd) as cost_usd,
        max(attempted_at) as last_failed_at
    from failures
    group by failure_reason
)

select
    reasons.failure_reason,
    coalesce(known.advice, errors.advice) as advice,
    cast(reasons.failure_count as bigint) as failure_count,
    cast(reasons.task_count as bigint) as task_count,
    cast(reasons.session_count as bigint) as session_count,
    cast(types.main_type_count as bigint) as main_type_count,
    reasons.failure_share,
    reasons.strategies,
    reasons.task_types,
    types.main_task_type,
    reasons.avg_confidence,
    cast(reasons.median_seconds as double) as median_seconds,
    cast(reasons.total_seconds as double) as total_seconds,
    reasons.cost_usd,
    reasons.last_failed_at
from reasons
left join types on types.failure_reason = reasons.failure_reason
left join advice as known on known.failure_reason = reasons.failure_reason
left join advice as errors on errors.failure_reason = 'error'
where
    reasons.failure_count >= {{ var('failure_repeats') }} and reasons.session_count > 1
    and (
        coalesce(reasons.cost_usd, 0) >= {{ var('advice_usd') }}
        or coalesce(reasons.total_seconds, 0) >= {{ var('advice_minutes') }} * 60
    )
