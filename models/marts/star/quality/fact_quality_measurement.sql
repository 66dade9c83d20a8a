with actors as (
    select * from {{ ref('int_actor') }}
),

-- The row of the main thread has the project of the session.
sessions as (
    select session_id, project_path from actors
    where actor = 'main'
),

runs as (
    select
        runs.check_run_id as measurement_id,
        {{ check_artifact_id('runs', 'sessions') }} as artifact_id,
        case
            when
                runs.check_kind <> 'test'
                and runs.check_name <> 'generated_file'
                and runs.component_type in ('skill', 'agent', 'command')
                then 'skill_spec'
            else runs.check_kind
        end as check_kind,
        runs.session_id,
        runs.actor,
        runs.turn_id,
        runs.tool_use_id,
        runs.ran_at as measured_at,
        runs.check_name as measured_by,
        runs.outcome,
        runs.outcome_method,
        coalesce(runs.outcome_rule, runs.recognised_by) as rule_name,
        runs.command_shape,
        runs.working_dir,
        {{ as_json({
            'command': 'left(runs.command_text, 500)', 'outcome_method': 'runs.outcome_method',
            'exit_code': 'runs.exit_code',
            'total': 'runs.total_count', 'passed': 'runs.passed_count', 'failed': 'runs.failed_count',
            'skipped': 'runs.skipped_count',
            'fixed': 'runs.fixed_count', 'is_output_cut': 'runs.is_output_cut or runs.is_output_filtered',
            'errors': 'runs.error_lines', 'warnings': 'runs.warning_lines',
            'output_end': "case when runs.outcome <> 'passed' then runs.output_excerpt end"
        }) }} as details,
        {{ check_provenance('runs') }} as provenance,
        case
            when runs.check_kind = 'test' and runs.passed_count + runs.failed_count > 0
                then runs.passed_count / (runs.passed_count + runs.failed_count)
            when runs.outcome = 'passed' then 1.0
            when runs.outcome = 'failed' then 0.0
        end as score,
        case runs.outcome when 'passed' then true when 'failed' then false end as passed,
        coalesce(runs.failed_count, case runs.outcome when 'passed' then 0 end) as error_count,
        runs.warning_count,
        runs.confidence,
        runs.source_path,
        runs.source_line,
        runs._batch_id
    from {{ ref('int_check_run') }} as runs
    inner join sessions on sessions.session_id = runs.session_id
),

-- Diagnostics of editors after an edit, and hooks that blocked a call or failed.
attached as (
    select
        attachments.*,
        {{ occurrence_count('cast(attachments.attachment.files as varchar)', '"severity":"Error"') }}
            as diagnostic_errors,
        {{ occurrence_count('cast(attachments.attachment.files as varchar)', '"severity":"Warning"') }}
            as diagnostic_warnings,
        coalesce(
            attachments.attachment.blockingError.blockingError, attachments.attachment.stderr,
            attachments.attachment.message, attachments.content_text
        )
            as hook_text
    from {{ ref('int_attachment') }} as attachments
    where
        attachments.attachment_type in (
            'diagnostics', 'hook_blocking_error', 'hook_non_blocking_error', 'hook_error_during_execution',
            'hook_cancelled'
        )
        -- Exit codes 126 and 127 mean that the hook itself could not be started.
        or (
            attachments.attachment_type = 'async_hook_response'
            and coalesce(attachments.attachment.exitCode, 0) not in (0, 126, 127)
        )
),

calls as (
    select
        calls.tool_use_id,
        calls.session_id,
        calls.actor,
        calls.turn_id,
        calls.tool_name,
        calls.called_at,
        calls.returned_at,
        calls.target_path,
        calls.error_type,
        calls.error_text,
        calls.user_feedback,
        calls.source_path,
        calls.source_line,
        calls._batch_id,
        coalesce(sessions.project_path, 'unknown') as project_path,
        calls.tool_name in ('Edit', 'Write', 'MultiEdit', 'NotebookEdit')
        and calls.target_path is not null as is_edit
    from {{ ref('int_tool_call') }} as calls
    inner join sessions on sessions.session_id = calls.session_id
),

from_attachments as (
    select
        {{ surrogate_key(
            ["'attachment'", 'attached.session_id', 'attached.line_uuid', 'attached.part_number']
        ) }} as measurement_id,
        case
            when coalesce(calls.is_edit, false) then {{ surrogate_key(['calls.target_path']) }}
            else {{ surrogate_key(["coalesce(sessions.project_path, 'unknown')"]) }}
        end as artifact_id,
        case when attached.attachment_type = 'diagnostics' then 'diagnostics' else 'hook' end as check_kind,
        attached.session_id,
        attached.actor,
        calls.turn_id,
        calls.tool_use_id,
        attached.created_at as measured_at,
        coalesce(
            attached.attachment.hookName,
            case when attached.attachment_type = 'diagnostics' then 'ide' else 'hook' end
        ) as measured_by,
        case
            when attached.attachment_type = 'diagnostics' and attached.diagnostic_errors = 0 then 'passed'
            else 'failed'
        end as outcome,
        'stated' as outcome_method,
        attached.attachment_type as rule_name,
        coalesce(attached.attachment.hookName, attached.attachment_type) as command_shape,
        cast(null as varchar) as working_dir,
        {{ as_json({
            'command': 'left(coalesce(attached.attachment.blockingError.command, '
                ~ 'attached.attachment.command), 500)',
            'exit_code': 'attached.attachment.exitCode', 'text': 'left(attached.hook_text, 2000)'
        }) }} as details,
        'observed' as provenance,
        case
            when attached.attachment_type = 'diagnostics' and attached.diagnostic_errors = 0 then 1.0
            else 0.0
        end as score,
        attached.attachment_type = 'diagnostics' and attached.diagnostic_errors = 0 as passed,
        case
            when attached.attachment_type = 'diagnostics' then attached.diagnostic_errors
            else 1
        end as error_count,
        case
            when attached.attachment_type = 'diagnostics' then attached.diagnostic_warnings
            else 0
        end as warning_count,
        1.0 as confidence,
        attached.source_path,
        attached.line_number as source_line,
        attached._batch_id
    from attached
    inner join sessions on sessions.session_id = attached.session_id
    left join calls on calls.tool_use_id = attached.attachment.toolUseID
),

-- The result of a call says if a hook stopped it. An edit that the user refused is feedback on that edit.
from_calls as (
    select
        {{ surrogate_key(["'call'", 'tool_use_id']) }} as measurement_id,
        case
            when is_edit then {{ surrogate_key(['target_path']) }}
            else {{ surrogate_key(['project_path']) }}
        end as artifact_id,
        case when error_type = 'blocked_by_hook' then 'hook' else 'user_feedback' end as check_kind,
        session_id,
        actor,
        turn_id,
        tool_use_id,
        coalesce(returned_at, called_at) as measured_at,
        case
            when error_type = 'blocked_by_hook'
                then coalesce(
                    nullif(
                        {{ regex_group(
                            'error_text', '^(?:<tool_use_error>)?((?:Pre|Post)ToolUse:[A-Za-z_]+)'
                        ) }},
                        ''
                    ),
                    'hook'
                )
            else 'user'
        end as measured_by,
        'failed' as outcome,
        'stated' as outcome_method,
        error_type as rule_name,
        tool_name as command_shape,
        cast(null as varchar) as working_dir,
        {{ as_json(
            {'tool': 'tool_name', 'text': 'left(error_text, 2000)', 'feedback': 'left(user_feedback, 2000)'}
        ) }} as details,
        'observed' as provenance,
        0.0 as score,
        false as passed,
        cast(1 as bigint) as error_count,
        cast(0 as bigint) as warning_count,
        1.0 as confidence,
        source_path,
        source_line,
        _batch_id
    from calls
    where error_type = 'blocked_by_hook' or (error_type = 'denied_user' and is_edit)
),

recorded as (
    select * from {{ ref('int_recorded_check') }}
),

-- If a recording names the call of a run, the recording's measurement is used.
told as (
    select
        coalesce(recorded.check_run_id, recorded.check_id) as measurement_id,
        coalesce(runs.artifact_id, {{ surrogate_key(['recorded.artifact_path']) }}) as artifact_id,
        recorded.check_kind,
        case when recorded.event_kind = 'quality_measurement' then recorded.check_name end as metric_name,
        recorded.session_id,
        recorded.agent_id,
        recorded.agent_run_id,
        recorded.turn_id,
        recorded.task_id,
        recorded.invocation_id as tool_use_id,
        coalesce(runs.measured_at, recorded.checked_at) as measured_at,
        coalesce(runs.measured_by, recorded.check_name) as measured_by,
        case when recorded.outcome <> 'unknown' then 'stated' end as outcome_method,
        'recorded' as rule_name,
        coalesce(runs.command_shape, left(recorded.command_text, 200), recorded.check_name) as command_shape,
        coalesce(runs.working_dir, recorded.working_dir) as working_dir,
        {{ as_json({
            'command': 'left(recorded.command_text, 500)', 'exit_code': 'recorded.exit_code',
            'total': 'recorded.total_count', 'passed': 'recorded.passed_count',
            'failed': 'recorded.failed_count', 'skipped': 'recorded.skipped_count',
            'errors': 'recorded.error_list', 'warnings': 'recorded.warning_list', 'unit': 'recorded.unit',
            'content_hash': 'recorded.content_hash', 'details': 'left(recorded.details, 4000)'
        }) }} as details,
        'recorded' as provenance,
        case
            when recorded.event_kind = 'quality_measurement' then recorded.score
            when recorded.passed_count is null and runs.counted_tests is not null then runs.score
            when recorded.passed_count + recorded.failed_count > 0
                then recorded.passed_count / (recorded.passed_count + recorded.failed_count)
            when recorded.outcome = 'passed' then 1.0
            when recorded.outcome = 'failed' then 0.0
        end as score,
        case
            when recorded.passed_count is null and runs.counted_tests is not null then runs.passed
            when recorded.outcome = 'passed' then true
            when recorded.outcome = 'failed' then false
        end as passed,
        case
            when recorded.passed_count is null and runs.counted_tests is not null then runs.error_count
            when recorded.event_kind = 'test_run'
                then coalesce(recorded.failed_count, case recorded.outcome when 'passed' then 0 end)
            when recorded.event_kind = 'validation' then recorded.error_count
        end as error_count,
        case when recorded.event_kind = 'validation' then recorded.warning_count end as warning_count,
        1.0 as confidence,
        coalesce(runs.source_path, recorded.source_path) as source_path,
        coalesce(runs.source_line, recorded.source_line) as source_line,
        recorded._batch_id
    from recorded
    -- If the tests were counted, the counts decide the outcome.
    left join (
        select
            runs.*,
            counted.passed_count as counted_tests
        from runs
        left join {{ ref('int_check_run') }} as counted
            on counted.check_run_id = runs.measurement_id and counted.check_kind = 'test'
    ) as runs
        on runs.measurement_id = recorded.check_run_id
),

seen as (
    select * from runs
    where
        measurement_id not in (
            select check_run_id from recorded
            where check_run_id is not null
        )
    union all
    select * from from_attachments
    union all
    select * from from_calls
),

measured as (
    select
        seen.* exclude (actor, outcome),
        seen.turn_id as task_id,
        actors.agent_id,
        actors.agent_run_id
    from seen
    inner join actors on actors.session_id = seen.session_id and actors.actor = seen.actor
    union all by name
    select * from told
)

select
    measured.measurement_id,
    measured.artifact_id,
    metrics.metric_id,
    measured.session_id,
    measured.agent_id,
    measured.agent_run_id,
    measured.turn_id as prompt_id,
    measured.task_id,
    measured.tool_use_id as invocation_id,
    measured.measured_at,
    measured.measured_by,
    measured.check_kind,
    measured.outcome_method,
    measured.rule_name,
    measured.command_shape,
    measured.working_dir,
    measured.details,
    measured.provenance,
    measured.passed,
    cast(measured.score as double) as score,
    measured.error_count,
    measured.warning_count,
    cast(measured.confidence as double) as confidence,
    measured.source_path as _source_path,
    measured.source_line as _source_line,
    measured._batch_id
from measured
inner join {{ ref('dim_quality_metric') }} as metrics
    on metrics.check_kind = case when measured.metric_name is null then measured.check_kind end
    or metrics.metric_name = measured.metric_name
