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
        measurements.working_dir as folder,
        measurements.passed,
        measurements.error_count
    from {{ ref('fact_quality_measurement') }} as measurements
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = measurements.session_id
    where
        measurements.passed is not null
        and measurements.working_dir is not null
        and measurements.measured_at is not null
),

-- A pass closes the loops of its own command and of every narrower one that it covers.
passes as (
    select
        runs.measurement_id,
        runs.measured_at,
        passes.measurement_id as pass_measurement_id,
        passes.measured_at as passed_at
    from runs
    inner join runs as passes
        on passes.chain_session_id = runs.chain_session_id
        and passes.measured_by = runs.measured_by
        and passes.metric_id = runs.metric_id
        and {{ covers_run('passes', 'runs', 'measured_by') }}
    where passes.passed
),

numbered as (
    select
        runs.*,
        coalesce(earlier.pass_count, 0) as loop_number,
        later.pass_measurement_id as next_pass_measurement_id,
        later.passed_at as next_passed_at
    from runs
    left join (
        select
            measurement_id,
            count(*) as pass_count
        from passes
        where passed_at < measured_at
        group by measurement_id
    ) as earlier on earlier.measurement_id = runs.measurement_id
    left join (
        select
            measurement_id,
            min_by(pass_measurement_id, (passed_at, pass_measurement_id)) as pass_measurement_id,
            min(passed_at) as passed_at
        from passes
        where passed_at > measured_at or pass_measurement_id = measurement_id
        group by measurement_id
    ) as later on later.measurement_id = runs.measurement_id
),

loops as (
    select
        chain_session_id,
        folder,
        command_shape,
        measured_by,
        metric_id,
        loop_number,
        min_by(measurement_id, (measured_at, measurement_id)) as first_measurement_id,
        min_by(next_pass_measurement_id, (next_passed_at, next_pass_measurement_id)) as fixing_measurement_id,
        min_by(session_id, (measured_at, measurement_id)) as session_id,
        max(project_name) as project_name,
        min(check_kind) as check_kind,
        min(measured_at) as started_at,
        max(measured_at) as last_run_at,
        coalesce(min(next_passed_at), max(measured_at)) as ended_at,
        max(next_passed_at) is not null as is_fixed,
        count(*)
        + case when max(next_passed_at) is not null and not bool_or(passed) then 1 else 0 end as run_count,
        count(*) filter (where not passed) as failed_run_count,
        min_by(error_count, (measured_at, measurement_id)) as first_error_count,
        max(error_count) as most_error_count
    from numbered
    group by chain_session_id, folder, command_shape, measured_by, metric_id, loop_number
    having count(*) filter (where not passed) > 0
),

-- Whether the check ran again at all, on any target.
last_runs as (
    select
        chain_session_id,
        measured_by,
        metric_id,
        max(measured_at) as last_run_at
    from runs
    group by chain_session_id, measured_by, metric_id
),

edits as (
    select
        loops.first_measurement_id,
        count(*) as edit_count,
        count(distinct calls.file_id) as edited_file_count
    from loops
    inner join {{ ref('dim_session') }} as sessions on sessions.chain_session_id = loops.chain_session_id
    inner join {{ ref('fact_tool_invocation') }} as calls
        on calls.session_id = sessions.session_id
        and calls.invoked_at > loops.started_at
        and calls.invoked_at < loops.ended_at
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
        on calls.session_id = sessions.session_id
        and calls.called_at > loops.started_at
        and calls.called_at <= loops.ended_at
    group by loops.first_measurement_id
)

select
    loops.first_measurement_id as measurement_id,
    loops.fixing_measurement_id,
    loops.session_id,
    loops.metric_id,
    loops.started_at,
    loops.ended_at,
    loops.project_name,
    loops.measured_by,
    loops.check_kind,
    loops.command_shape,
    loops.folder as working_dir,
    loops.is_fixed,
    not loops.is_fixed and last_runs.last_run_at <= loops.last_run_at as was_not_run_again,
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
inner join last_runs
    on last_runs.chain_session_id = loops.chain_session_id
    and last_runs.measured_by = loops.measured_by
    and last_runs.metric_id = loops.metric_id
left join edits on edits.first_measurement_id = loops.first_measurement_id
left join costs on costs.first_measurement_id = loops.first_measurement_id
