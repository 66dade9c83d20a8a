select
    cast({{ local_time('measurements.measured_at') }} as date) as measured_date,
    sessions.project_name,
    metrics.metric_name,
    metrics.metric_type,
    measurements.measured_by,
    cast(count(*) as bigint) as run_count,
    cast(count(*) filter (where measurements.passed) as bigint) as passed_run_count,
    cast(count(*) filter (where not measurements.passed) as bigint) as failed_run_count,
    cast(count(*) filter (where measurements.passed is null) as bigint) as unknown_run_count,
    cast(sum(test_runs.total_tests) as bigint) as test_count,
    cast(sum(test_runs.failed) as bigint) as failed_test_count,
    count(*) filter (where measurements.passed) / nullif(count(measurements.passed), 0) as pass_ratio,
    cast(sum(test_runs.passed) as double) / nullif(sum(test_runs.passed) + sum(test_runs.failed), 0)
        as test_pass_ratio,
    cast(median(test_runs.duration_seconds) as double) as median_duration_seconds
from {{ ref('fact_quality_measurement') }} as measurements
inner join {{ ref('dim_quality_metric') }} as metrics on metrics.metric_id = measurements.metric_id
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = measurements.session_id
left join {{ ref('fact_test_run') }} as test_runs on test_runs.run_id = measurements.measurement_id
where measurements.measured_at is not null
group by all
