{{ config(materialized='view') }}

with weekly as (
    select
        cast(date_trunc('week', {{ local_time('attempted_at') }}) as date) as week_date,
        task_source,
        strategy_name,
        count(*) as attempt_count,
        count(success) as judged_count,
        count(*) filter (where success) as success_count,
        median(duration_seconds) as median_seconds
    from {{ ref('fact_strategy_attempt') }}
    where attempted_at is not null
    group by week_date, task_source, strategy_name
)

select
    week_date,
    task_source,
    strategy_name,
    cast(attempt_count as bigint) as attempt_count,
    cast(judged_count as bigint) as judged_count,
    cast(success_count as bigint) as success_count,
    success_count / nullif(judged_count, 0) as success_ratio,
    {{ wilson_low('success_count', 'judged_count') }} as success_ratio_low,
    {{ wilson_high('success_count', 'judged_count') }} as success_ratio_high,
    sum(success_count) over so_far / nullif(sum(judged_count) over so_far, 0) as success_ratio_so_far,
    cast(median_seconds as double) as median_seconds
from weekly
window so_far as (partition by task_source, strategy_name order by week_date rows between unbounded preceding and current row)
