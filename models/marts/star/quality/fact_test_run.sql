with runs as (
    select * from {{ ref('int_check_run') }}
    where check_kind = 'test'
)

select
    runs.check_run_id as run_id,
    {{ check_artifact_id('runs', 'sessions') }} as artifact_id,
    runs.session_id,
    actors.agent_id,
    actors.agent_run_id,
    runs.turn_id as prompt_id,
    runs.turn_id as task_id,
    runs.tool_use_id as invocation_id,
    runs.ran_at,
    runs.check_name as framework,
    runs.outcome,
    runs.outcome_method,
    runs.recognised_by,
    runs.outcome_rule,
    runs.command_text as command,
    runs.command_shape,
    runs.working_dir,
    runs.target_text as target,
    runs.log_path,
    runs.duration_method,
    {{ check_provenance('runs') }} as provenance,
    runs.is_background,
    runs.is_exit_code_hidden,
    runs.is_output_cut,
    runs.is_output_filtered,
    runs.exit_code,
    case when runs.passed_count is not null then runs.total_count end as total_tests,
    runs.passed_count as passed,
    runs.failed_count as failed,
    coalesce(runs.error_count, case when runs.failed_count is not null then 0 end) as errored,
    runs.skipped_count as skipped,
    runs.duration_seconds,
    runs.confidence,
    runs.source_path as _source_path,
    runs.source_line as _source_line,
    runs._batch_id
from runs
inner join {{ ref('int_session') }} as sessions on sessions.session_id = runs.session_id
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = runs.session_id and actors.actor = runs.actor
