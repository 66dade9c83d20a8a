{{ config(materialized='table') }}

with runs as (
    select
        measurements.measurement_id,
        measurements.artifact_id,
        measurements.metric_id,
        measurements.session_id,
        sessions.project_name,
        sessions.project_path,
        measurements.measured_at,
        measurements.measured_by,
        measurements.command_shape,
        measurements.working_dir,
        measurements.passed,
        measurements.error_count,
        measurements.confidence,
        measurements._source_path,
        measurements._source_line,
        lag(measurements.measurement_id) over same_check as previous_measurement_id,
        lag(measurements.session_id) over same_check as previous_session_id,
        lag(measurements.measured_at) over same_check as previous_measured_at,
        lag(measurements.passed) over same_check as previous_passed
    from {{ ref('fact_quality_measurement') }} as measurements
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = measurements.session_id
    where
        measurements.passed is not null
        and measurements.working_dir is not null
        and measurements.measured_at is not null
    window same_check as (
        partition by measurements.working_dir, measurements.artifact_id, measurements.command_shape
        order by measurements.measured_at, measurements.measurement_id
    )
),

regressions as (
    select * from runs
    where previous_passed and not passed
),

-- Edits in the same project between the two runs.
edits as (
    select
        regressions.measurement_id,
        count(*) as edit_count,
        count(distinct calls.file_id) as edited_file_count
    from regressions
    inner join {{ ref('dim_session') }} as sessions on sessions.project_path = regressions.project_path
    inner join {{ ref('fact_tool_invocation') }} as calls
        on calls.session_id = sessions.session_id
        and calls.invoked_at > regressions.previous_measured_at
        and calls.invoked_at <= regressions.measured_at
    inner join {{ ref('dim_tool') }} as tools on tools.tool_id = calls.tool_id
    where tools.tool_family = 'file_edit' and calls.success
    group by regressions.measurement_id
)

select
    regressions.measurement_id,
    regressions.previous_measurement_id,
    regressions.artifact_id,
    regressions.metric_id,
    regressions.session_id,
    regressions.previous_session_id,
    regressions.measured_at as failed_at,
    regressions.previous_measured_at as passed_at,
    regressions.project_name,
    artifacts.artifact_path,
    regressions.measured_by,
    regressions.command_shape,
    regressions.working_dir,
    regressions.error_count,
    coalesce(edits.edit_count, 0) as edit_count,
    coalesce(edits.edited_file_count, 0) as edited_file_count,
    regressions.confidence,
    regressions._source_path,
    regressions._source_line
from regressions
inner join {{ ref('dim_artifact') }} as artifacts on artifacts.artifact_id = regressions.artifact_id
left join edits on edits.measurement_id = regressions.measurement_id
