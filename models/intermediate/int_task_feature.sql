{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

calls as (
    select calls.*
    from {{ ref('int_task_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
),

-- Each file's last edit, and whether a later command discarded it: by the file's name, or with everything
-- else.
edited_files as (
    select
        task_id,
        target_path,
        max(call_number) as last_edit_number
    from calls
    where is_edit and call_status = 'ok' and target_path is not null
    group by task_id, target_path
),

thrown_away as (
    select
        edited_files.task_id,
        edited_files.target_path,
        max(reverts.call_number) as thrown_away_number
    from edited_files
    left join calls as reverts
        on reverts.task_id = edited_files.task_id and reverts.is_revert and reverts.call_status = 'ok'
        and reverts.call_number > edited_files.last_edit_number
        and (
            {{ regex_matches(
                'reverts.revert_command',
                "'reset +(-q +|--quiet +)?--hard|(checkout|restore)( +--)? +(\.|:/)( |$|[&|])|stash +drop'"
            ) }}
            or contains(reverts.revert_command, {{ path_name('edited_files.target_path') }})
        )
    group by edited_files.task_id, edited_files.target_path
),

undone_tasks as (
    select
        task_id,
        max(thrown_away_number) as undone_number
    from thrown_away
    group by task_id
    having count(*) = count(thrown_away_number)
),

repeated_errors as (
    select
        task_id,
        max(error_count) as repeated_error_count
    from (
        select task_id, count(*) as error_count
        from calls
        where call_status = 'error'
        group by task_id, tool_name, input_hash, error_hash
    ) as errors
    group by task_id
),

features as (
    select
        task_id,
        count(*) as call_count,
        count(*) filter (where is_own) as own_call_count,
        count(*) filter (where is_read and not is_edit) as read_count,
        count(*) filter (where is_search) as search_count,
        count(*) filter (where is_web) as web_count,
        count(*) filter (where is_edit and call_status = 'ok') as edit_count,
        -- Passing tests say nothing about a text file.
        count(*) filter (
            where is_edit and call_status = 'ok'
            and not {{ regex_matches(
                    "lower(coalesce(target_path, ''))", "'\\.(mdx?|mdc|rst|adoc|txt|tex)$'"
                ) }}
        ) as code_edit_count,
        count(*) filter (where is_edit and is_own and call_status = 'ok') as own_edit_count,
        count(*) filter (where is_write_command) as write_command_count,
        count(*) filter (where tool_family = 'shell') as shell_count,
        count(*) filter (
            where is_own and tool_family = 'shell' and call_status = 'ok'
            and not is_read and not is_search and not is_web and not is_test_command
            and not is_check_command
        ) as acted_count,
        count(*) filter (where is_test_command) as test_command_count,
        count(*) filter (where is_check_command) as check_command_count,
        count(test_outcome) as test_run_count,
        max_by(test_outcome, call_number) filter (where test_outcome is not null) as test_outcome,
        {{ value_at_max('tests_passed', 'call_number') }} filter (where test_outcome is not null)
            as tests_passed,
        {{ value_at_max('tests_failed', 'call_number') }} filter (where test_outcome is not null)
            as tests_failed,
        count(*) filter (where test_outcome = 'passed') as passed_run_count,
        count(*) filter (where tool_name in ('Agent', 'Task', 'Workflow')) as delegation_count,
        count(*) filter (where tool_name = 'AskUserQuestion') as question_count,
        count(*) filter (where tool_name in ('EnterPlanMode', 'ExitPlanMode', 'exit_plan_mode'))
            as plan_count,
        count(*) filter (where tool_family = 'skill') as skill_count,
        count(*) filter (where tool_family = 'mcp') as mcp_count,
        count(*) filter (where tool_name in ('TodoWrite', 'TaskCreate')) as list_count,
        count(*) filter (where call_status = 'error') as error_count,
        count(*) filter (where error_type = 'denied_user') as rejection_count,
        count(*) filter (where is_commit and call_status = 'ok') as commit_count,
        count(*) filter (where is_push and call_status = 'ok') as push_count,
        count(*) filter (where is_revert and call_status = 'ok') as revert_count,
        count(distinct target_path) filter (where is_edit and call_status = 'ok') as edited_file_count,
        sum(lines_added) filter (where is_edit and call_status = 'ok') as lines_added,
        sum(lines_deleted) filter (where is_edit and call_status = 'ok') as lines_deleted,
        min(call_number) filter (where is_edit and call_status = 'ok') as first_edit_number,
        min(call_number) filter (where is_test_command) as first_test_number,
        min(call_number) filter (where tool_name in ('EnterPlanMode', 'ExitPlanMode', 'exit_plan_mode'))
            as first_plan_number,
        min(call_number) filter (where tool_name = 'AskUserQuestion') as first_question_number,
        min(call_number) filter (where tool_family = 'skill') as first_skill_number,
        max(call_number) filter (where is_edit and call_status = 'ok') as last_edit_number,
        max(call_number) filter (where test_outcome is not null) as last_test_number,
        max(call_number) filter (where tool_name in ('Agent', 'Task')) as last_delegation_number,
        max(call_number) filter (where (is_commit or is_push) and call_status = 'ok') as last_commit_number,
        max(call_number) filter (where is_own and error_type = 'denied_user') as last_rejection_number,
        max(call_number) filter (where is_own) as last_own_number,
        max_by(call_status, call_number) filter (where is_own) as last_call_status,
        max_by(error_type, call_number) filter (where call_status in ('error', 'denied', 'interrupted'))
            as last_error_type,
        max_by(tool_family, call_number) filter (where is_own) as last_call_family,
        max_by(tool_name, call_number) filter (where is_own) as last_call_name
    from calls
    group by task_id
),

-- Reads and searches before the first edit.
looks as (
    select
        calls.task_id,
        count(*) as look_count
    from calls
    inner join features on features.task_id = calls.task_id
    where (calls.is_read or calls.is_search or calls.is_web) and not calls.is_edit
        and (features.first_edit_number is null or calls.call_number < features.first_edit_number)
    group by calls.task_id
),

-- How the main thread of a turn ended: with an answer, interrupted, or with a failed request.
responses as (
    select
        turns.turn_id as task_id,
        count(*) filter (where responses.actor = 'main') as response_count,
        {{ value_at_max(
            "case when responses.actor = 'main' then responses.stop_reason end",
            "(responses.actor = 'main', responses.thread_position, responses.response_id)"
        ) }} as last_stop_reason,
        max_by(responses.response_id, (responses.thread_position, responses.response_id)) filter (
            where responses.actor = 'main'
        ) as last_response_id,
        bool_or(responses.stop_reason = 'refusal') as has_refusal,
        max(responses.last_block_at) as last_response_at,
        max(responses.last_block_at) filter (where responses.actor = 'main') as last_main_response_at
    from {{ ref('int_api_response') }} as responses
    semi join touched on touched.session_id = responses.session_id
    inner join {{ ref('int_line_turn') }} as turns on turns.line_uuid = responses.first_line_uuid
    group by turns.turn_id
),

api_errors as (
    select
        turns.turn_id as task_id,
        count(*) as api_error_count,
        max(lines.created_at) as last_api_error_at
    from {{ ref('stg_transcripts__line') }} as lines
    inner join {{ ref('int_line_turn') }} as turns on turns.line_uuid = lines.line_uuid
    semi join touched on touched.session_id = turns.session_id
    where lines.line_type = 'assistant' and lines.is_api_error and turns.actor = 'main'
    group by turns.turn_id
)

select
    tasks.task_id,
    tasks.session_id,
    tasks.task_source,
    tasks.started_at,
    tasks.interrupted_at,
    responses.last_response_at,
    tasks.is_human,
    tasks.prompt_rule,
    coalesce(tasks.permission_mode = 'plan', false) as is_plan_mode,
    tasks.prompt_rule = 'approved_plan_handover' as is_plan_handover,
    tasks.speaks_of_undoing,
    tasks.asks_for_commit,
    tasks.delegation_status,
    tasks.delegation_error,
    tasks.subagent_type,
    tasks.is_background,
    tasks.was_given_again,
    tasks.has_next_turn,
    tasks.reaction_prompt_id,
    tasks.reaction_category,
    tasks.reaction_rule,
    tasks.reaction_is_mixed,
    tasks.reaction_takes_blame,
    tasks.was_asked_again,
    coalesce(responses.response_count, 0) as response_count,
    responses.last_stop_reason,
    -- A program that requests data in a given form receives its answer as the input of a call.
    coalesce(features.last_call_name = 'StructuredOutput' and features.last_call_status = 'ok', false)
        as returned_output,
    responses.last_response_id is not null
    and (
        responses.last_response_id not in (
            select response_id from calls
            where response_id is not null
        )
        or coalesce(features.last_call_name = 'StructuredOutput' and features.last_call_status = 'ok', false)
    ) as ended_with_answer,
    coalesce(responses.has_refusal, false) as has_refusal,
    coalesce(api_errors.api_error_count, 0) as api_error_count,
    coalesce(
        api_errors.last_api_error_at >= coalesce(
            responses.last_main_response_at, api_errors.last_api_error_at
        ), false
    ) as ended_on_api_error,
    coalesce(features.call_count, 0) as call_count,
    coalesce(features.own_call_count, 0) as own_call_count,
    coalesce(features.read_count, 0) as read_count,
    coalesce(features.search_count, 0) as search_count,
    coalesce(features.web_count, 0) as web_count,
    coalesce(looks.look_count, 0) as look_count,
    coalesce(features.edit_count, 0) as edit_count,
    coalesce(features.code_edit_count, 0) as code_edit_count,
    coalesce(features.own_edit_count, 0) as own_edit_count,
    coalesce(features.write_command_count, 0) as write_command_count,
    coalesce(features.shell_count, 0) as shell_count,
    coalesce(features.acted_count, 0) as acted_count,
    coalesce(features.test_command_count, 0) as test_command_count,
    coalesce(features.check_command_count, 0) as check_command_count,
    coalesce(features.test_run_count, 0) as test_run_count,
    features.test_outcome,
    features.tests_passed,
    features.tests_failed,
    coalesce(features.passed_run_count, 0) as passed_run_count,
    coalesce(features.delegation_count, 0) as delegation_count,
    coalesce(features.question_count, 0) as question_count,
    coalesce(features.plan_count, 0) as plan_count,
    coalesce(features.skill_count, 0) as skill_count,
    coalesce(features.mcp_count, 0) as mcp_count,
    coalesce(features.list_count, 0) as list_count,
    coalesce(features.error_count, 0) as error_count,
    coalesce(repeated_errors.repeated_error_count, 0) as repeated_error_count,
    coalesce(features.rejection_count, 0) as rejection_count,
    coalesce(features.commit_count, 0) as commit_count,
    coalesce(features.push_count, 0) as push_count,
    coalesce(features.revert_count, 0) as revert_count,
    coalesce(features.edited_file_count, 0) as edited_file_count,
    cast(coalesce(features.lines_added, 0) as bigint) as lines_added,
    cast(coalesce(features.lines_deleted, 0) as bigint) as lines_deleted,
    features.first_edit_number,
    features.first_test_number,
    features.first_plan_number,
    features.first_question_number,
    features.first_skill_number,
    features.last_call_status,
    features.last_call_family,
    features.last_error_type,
    -- All edits were discarded, and nothing was edited or committed afterwards.
    coalesce(undone_tasks.undone_number > coalesce(features.last_commit_number, 0), false) as ended_reverted,
    coalesce(features.last_rejection_number = features.last_own_number, false) as ended_rejected,
    coalesce(features.last_edit_number > features.last_commit_number, false) as edited_after_commit,
    coalesce(
        greatest(features.last_edit_number, features.last_delegation_number) > features.last_test_number,
        false
    ) as worked_after_tests,
    touched._batch_id
from {{ ref('int_task') }} as tasks
inner join touched on touched.session_id = tasks.session_id
left join features on features.task_id = tasks.task_id
left join looks on looks.task_id = tasks.task_id
left join undone_tasks on undone_tasks.task_id = tasks.task_id
left join repeated_errors on repeated_errors.task_id = tasks.task_id
left join responses on responses.task_id = tasks.task_id
left join api_errors on api_errors.task_id = tasks.task_id
