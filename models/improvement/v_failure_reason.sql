{{ config(materialized='view') }}

with failures as (
    select *
    from {{ ref('fact_strategy_attempt') }}
    where not success
)

select
    failure_reason,
    cast(count(*) as bigint) as failure_count,
    cast(count(distinct task_id) as bigint) as task_count,
    cast(count(distinct session_id) as bigint) as session_count,
    count(*) / sum(count(*)) over () as failure_share,
    {{ distinct_texts('strategy_name') }} as strategies,
    {{ distinct_texts('work_type') }} as task_types,
    avg(outcome_confidence) as avg_confidence,
    cast(median(duration_seconds) as double) as median_seconds,
    sum(cost_usd) as cost_usd,
    max(attempted_at) as last_failed_at
from failures
group by failure_reason
