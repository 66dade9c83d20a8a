with runs as (
    select * from {{ ref('int_check_run') }}
    where check_kind = 'test'
),

recorded as (
    select * from {{ ref('int_recorded_check') }}
    where event_kind = 'test_run'
),

-- Whoever counted knows the outcome. If both did, the program's counts are used.
told as (
    select recorded.*
    from recorded
    inner join runs on runs.check_run_id = recorded.check_run_id
    where recorded.passed_count is not null or (runs.passed_count is null and recorded.outcome <> 'unknown')
),

-- A recording that names the call of a run describes that run; its counts take precedence.
in_transcripts as (
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
        coalesce(told.outcome, runs.outcome) as outcome,
        case when told.check_id is not null then 'stated' else runs.outcome_method end as outcome_method,
        runs.recognised_by,
        runs.outcome_rule,
        runs.command_text as command,
        runs.command_shape,
        runs.working_dir,
        runs.target_text as target,
        runs.log_path,
        case when recorded.duration_ms is not null then 'exact' else runs.duration_method end
            as duration_method,
        case when recorded.check_id is not null then 'recorded' else {{ check_provenance('runs') }} end
            as provenance,
        runs.is_background,
        runs.is_exit_code_hidden,
        runs.is_output_cut,
        runs.is_output_filtered,
        case when told.check_id is not null then told.exit_code else runs.exit_code end as exit_code,
        case
            when recorded.passed_count is not null then recorded.total_count
            when runs.passed_count is not null then runs.total_count
        end as total_tests,
        coalesce(recorded.passed_count, runs.passed_count) as passed,
        coalesce(recorded.failed_count, case when recorded.passed_count is null then runs.failed_count end)
            as failed,
        case
            when recorded.failed_count is not null then 0
            else coalesce(runs.error_count, case when runs.failed_count is not null then 0 end)
        end as errored,
        case when recorded.passed_count is not null then recorded.skipped_count else runs.skipped_count end
            as skipped,
        coalesce(recorded.duration_ms / 1000, runs.duration_seconds) as duration_seconds,
        case when told.check_id is not null then 1.0 else runs.confidence end as confidence,
        runs.source_path as _source_path,
        runs.source_line as _source_line,
        runs._batch_id
    from runs
    inner join {{ ref('int_session') }} as sessions on sessions.session_id = runs.session_id
    inner join {{ ref('int_actor') }} as actors
        on actors.session_id = runs.session_id and actors.actor = runs.actor
    left join recorded on recorded.check_run_id = runs.check_run_id
    left join told on told.check_run_id = runs.check_run_id
),

only_recorded as (
    select
        check_id as run_id,
        {{ surrogate_key(['artifact_path']) }} as artifact_id,
        session_id,
        agent_id,
        agent_run_id,
        turn_id as prompt_id,
        task_id,
        invocation_id,
        checked_at as ran_at,
        check_name as framework,
        outcome,
        case when outcome <> 'unknown' then 'stated' end as outcome_method,
        'recorded' as recognised_by,
        cast(null as varchar) as outcome_rule,
        command_text as command,
        coalesce(left(command_text, 200), check_name) as command_shape,
        working_dir,
        cast(null as varchar) as target,
        cast(null as varchar) as log_path,
        case when duration_ms is not null then 'exact' end as duration_method,
        'recorded' as provenance,
        false as is_background,
        false as is_exit_code_hidden,
        false as is_output_cut,
        false as is_output_filtered,
        exit_code,
        total_count as total_tests,
        passed_count as passed,
        failed_count as failed,
        case when failed_count is not null then 0 end as errored,
        skipped_count as skipped,
        duration_ms / 1000 as duration_seconds,
        1.0 as confidence,
        source_path as _source_path,
        source_line as _source_line,
        _batch_id
    from recorded
    where check_run_id is null
)

select * from in_transcripts
union all by name
select * from only_recorded
