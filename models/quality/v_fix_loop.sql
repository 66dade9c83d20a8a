{{ config(materialized='view') }}

with runs as (
    select
        measurements.measurement_id,
        sessions.chain_session_id,
        measurements.session_id,
        sessions.project_name,
        measurements.metric_id,
        measurements.measured_at,
        measurements.measured_by,
        measurements.check_kind,
        measurements.command_shape,
        measurements.working_dir,
        measurements.passed,
        measurements.error_count,
        -- A loop ends with the run that passes.
        coalesce(sum(case when measurements.passed then 1 else 0 end) over (
            partition by sessions.chain_session_id, measurements.working_dir, measurements.command_shape
            order by measurements.measured_at, measurements.measurement_id
            rows between unbounded preceding and 1 preceding
        ), 0) as loop_number
    from {{ ref('fact_quality_measurement') }} as measurements
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = measurements.session_id
    where measurements.passed is not null and measurements.working_dir is not null and measurements.measured_at is not null
),

loops as (
    select
        chain_session_id,
        working_dir,
        command_shape,
        loop_number,
        min_by(measurement_id, (measured_at, measurement_id)) as first_measurement_id,
        min_by(session_id, (measured_at, measurement_id)) as session_id,
        max(project_name) as project_name,
        min(metric_id) as metric_id,
        min(measured_by) as measured_by,
        min(check_kind) as check_kind,
        min(measured_at) as started_at,
        max(measured_at) as ended_at,
        bool_or(passed) as is_fixed,
        count(*) as run_count,
        count(*) filter (where not passed) as failed_run_count,
        min_by(error_count, (measured_at, measurement_id)) as first_error_count,
        max(error_count) as most_error_count
    from runs
    group by chain_session_id, working_dir, command_shape, loop_number
    having count(*) filter (where not passed) > 0
),

edits as (
    select
        loops.first_measurement_id,
        count(*) as edit_count,
        count(distinct calls.file_id) as edited_file_count
    from loops
    inner join {{ ref('dim_session') }} as sessions on sessions.chain_session_id = loops.chain_session_id
    inner join {{ ref('fact_tool_invocation') }} as calls
        on calls.session_id = sessions.session_id and calls.invoked_at > loops.started_at and calls.invoked_at < loops.ended_at
    inner join {{ ref('dim_tool') }} as tools on tools.tool_id = calls.tool_id
    where tools.tool_family = 'file_edit' and calls.success
    group by loops.first_measurement_id
),

costs as (
    select
        loops.first_measurement_id,
        sum(calls.cost_usd) as cost_usd,
        count(*) as response_count
    from loops
    inner join {{ ref('dim_session') }} as sessions on sessions.chain_session_id = loops.chain_session_id
    inner join {{ ref('fact_api_call') }} as calls
        on calls.session_id = sessions.session_id and calls.called_at > loops.started_at and calls.called_at <= loops.ended_at
    group by loops.first_measurement_id
)

select
    loops.first_measurement_id as measurement_id,
    loops.session_id,
    loops.metric_id,
    loops.started_at,
    loops.ended_at,
    loops.project_name,
    loops.measured_by,
    loops.check_kind,
    loops.command_shape,
    loops.working_dir,
    loops.is_fixed,
    loops.run_count,
    loops.failed_run_count,
    loops.first_error_count,
    loops.most_error_count,
    coalesce(edits.edit_count, 0) as edit_count,
    coalesce(edits.edited_file_count, 0) as edited_file_count,
    coalesce(costs.response_count, 0) as response_count,
    costs.cost_usd,
    {{ ms_between('loops.started_at', 'loops.ended_at') }} / 1000 as duration_seconds
from loops
left join edits on edits.first_measurement_id = loops.first_measurement_id
left join costs on costs.first_measurement_id = loops.first_measurement_id
