-- depends_on: {{ ref('command_kinds') }}
{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

all_calls as (
    select
        calls.*,
        -- A here-document is text, not a command: everything after its first line is left out.
        coalesce(
            nullif(
                {{ regex_group('calls.tool_input.command', "(?s)^(.*?<<-?\\s*[\"'']?\\w+[^\\n]*)\\n") }}, ''
            ), calls.tool_input.command
        ) as command_head
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
),

calls as (
    select
        all_calls.*,
        {{ is_broken_off(
            'all_calls.error_type', 'all_calls.tool_name', 'turns.permission_mode', 'all_calls.called_at',
            'all_calls.returned_at'
        ) }} as is_broken_off,
        -- The same applies to a message.
        case
            when all_calls.tool_name in ('Bash', 'PowerShell') then {{ regex_replace(
                'left(all_calls.command_head, 20000)',
                "(?s)\\s(-m|-[a-z]*m|--message|--body|--title)[ =]+(\"[^\"]*\"|''[^'']*'')", ' '
            ) }}
        end as command,
        coalesce(types.tool_family, case when all_calls.mcp_server is not null then 'mcp' else 'other' end)
            as tool_family
    from all_calls
    left join {{ ref('tool_types') }} as types on types.tool_name = all_calls.tool_name
    left join {{ ref('int_turn') }} as turns on turns.turn_id = all_calls.turn_id
),

runs as (
    select runs.*
    from {{ ref('int_agent_run') }} as runs
    semi join touched on touched.session_id = runs.session_id
    where runs.spawn_tool_use_id is not null
),

-- A call serves the prompt of its turn; a subagent's call also serves the delegation that started it.
served as (
    select turn_id as task_id, 'prompt' as task_source, actor = 'main' as is_own, tool_use_id
    from calls
    where turn_id is not null
    union all
    select runs.spawn_tool_use_id as task_id, 'delegation' as task_source, true as is_own, calls.tool_use_id
    from calls
    inner join runs on runs.session_id = calls.session_id and runs.actor = calls.actor
),

-- The test runs of a call whose output shows their outcome.
test_runs as (
    select
        tool_use_id,
        case when bool_or(outcome = 'failed') then 'failed' else 'passed' end as test_outcome,
        cast(sum(passed_count) as bigint) as tests_passed,
        cast(sum(failed_count) as bigint) as tests_failed
    from {{ ref('int_check_run') }} as runs
    semi join touched on touched.session_id = runs.session_id
    where check_kind = 'test' and outcome in ('passed', 'failed')
    group by tool_use_id
),

kinds as (
    select
        *,
        command is not null and {{ command_is('command', 'test') }} as is_test_command,
        command is not null and {{ command_is('command', 'check') }} as is_check_command,
        (command is not null and {{ command_is('command', 'commit') }})
        or result.gitOperation.commit.sha is not null as is_commit,
        (command is not null and {{ command_is('command', 'push') }})
        or result.gitOperation.pr.url is not null as is_push,
        command is not null and {{ command_is('command', 'revert') }} as is_revert,
        command is not null and {{ command_is('command', 'read') }} as is_read_command,
        command is not null and {{ command_is('command', 'search') }} as is_search_command,
        command is not null and {{ command_is('command', 'write') }} as is_write_command,
        command is not null and {{ command_is('command', 'web') }} as is_web_command
    from calls
)

select
    served.task_id,
    kinds.session_id,
    kinds.actor,
    kinds.tool_use_id,
    kinds.response_id,
    kinds.called_at,
    kinds.returned_at,
    row_number() over (
        partition by served.task_id
        order by kinds.called_at nulls last, kinds.source_path, kinds.source_line, kinds.tool_use_id
    ) as call_number,
    served.task_source,
    kinds.tool_name,
    kinds.tool_family,
    -- A call interrupted with a key press is not a rejection, whatever the log says.
    case when kinds.is_broken_off then 'interrupted' else kinds.call_status end as call_status,
    case when kinds.is_broken_off then 'interrupted' else kinds.error_type end as error_type,
    kinds.target_path,
    kinds.tool_input.subagent_type as subagent_type,
    md5(coalesce(kinds.tool_input_json, '')) as input_hash,
    md5(coalesce(kinds.error_text, '')) as error_hash,
    md5(coalesce(kinds.tool_input.description, kinds.tool_input.prompt, '')) as work_hash,
    case when kinds.is_revert then left(kinds.command, 2000) end as revert_command,
    served.is_own,
    kinds.is_background,
    -- A note in a scratch folder, or the file in which a plan is drafted, does not change the work.
    kinds.tool_family in ('file_edit', 'notebook')
    and not {{ regex_matches(
        "coalesce(kinds.target_path, '')", "'^(/private)?/tmp/|^/var/folders/|/scratchpad/|/\\.claude/plans/'"
    ) }} as is_edit,
    kinds.tool_family = 'file_read' or kinds.is_read_command as is_read,
    kinds.tool_family = 'search' or kinds.is_search_command as is_search,
    kinds.tool_family = 'web' or kinds.is_web_command as is_web,
    kinds.is_test_command or test_runs.tool_use_id is not null as is_test_command,
    kinds.is_check_command,
    kinds.is_commit,
    kinds.is_push,
    kinds.is_revert,
    kinds.is_write_command,
    test_runs.test_outcome,
    test_runs.tests_passed,
    test_runs.tests_failed,
    coalesce(kinds.patch_lines_added, 0) as lines_added,
    coalesce(kinds.patch_lines_deleted, 0) as lines_deleted,
    touched._batch_id
from served
inner join kinds on kinds.tool_use_id = served.tool_use_id
left join test_runs on test_runs.tool_use_id = kinds.tool_use_id
inner join touched on touched.session_id = kinds.session_id
