-- Do tests, checks and builds pass more often than before?
select
    date_trunc('month', measured_date) as month,
    metric_type,
    sum(run_count) as runs,
    sum(passed_run_count) / nullif(sum(passed_run_count + failed_run_count), 0) as pass_ratio
from {{ ref('v_pass_rate_trend') }}
group by all
order by month, metric_type
