-- depends_on: {{ ref('tool_error_rules') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['tool_input_json', 'error_text', 'written_text']
) }}

{#- Limited to plausible milliseconds (MS of `json_struct`). -#}
{%- set stated_seconds = 'case when concluded.result.durationSeconds between 0 and 4294967 '
    ~ 'then concluded.result.durationSeconds end' -%}

with touched as {{ touched_sessions() }},

calls as (
    select
        blocks.session_id,
        blocks.actor,
        blocks.line_uuid,
        blocks.created_at as called_at,
        blocks.git_branch,
        blocks.source_path,
        blocks.line_origin,
        blocks.line_number as source_line,
        blocks.thread_position,
        blocks.tool_use_id,
        blocks.block_number,
        coalesce(nullif(trim(blocks.tool_name), ''), 'unknown') as tool_name,
        blocks.caller_type,
        blocks.tool_input,
        blocks.tool_input_json,
        blocks.tool_input_bytes,
        blocks.written_line_count,
        row_number() over (
            partition by blocks.tool_use_id
            order by
                blocks.is_nested, blocks.created_at nulls last, blocks.source_path, blocks.line_number,
                blocks.line_uuid, blocks.block_number
        ) as call_rank
    from {{ ref('int_block') }} as blocks
    semi join touched on touched.session_id = blocks.session_id
    where
        blocks.block_type in ('tool_use', 'server_tool_use', 'mcp_tool_use')
        and blocks.tool_use_id is not null
),

returns as (
    select
        blocks.tool_use_id,
        blocks.line_uuid,
        blocks.created_at as returned_at,
        blocks.client_version,
        blocks.tool_denial_kind,
        blocks.user_feedback,
        blocks.source_path,
        blocks.line_id,
        blocks.line_number,
        blocks.is_error,
        blocks.block_text,
        blocks.text_bytes,
        blocks.text_characters,
        blocks.image_count,
        row_number() over (
            partition by blocks.tool_use_id
            order by
                blocks.is_nested, blocks.created_at desc nulls last, blocks.line_uuid, blocks.block_number
        ) as return_rank
    from {{ ref('int_block') }} as blocks
    semi join touched on touched.session_id = blocks.session_id
    where blocks.block_type = 'tool_result'
),

-- Calls that a preceding hook may have stopped: no later hook ran. (Clients 2.1.0 to 2.1.85 log hooks.)
hooks as (
    select
        lines.session_id,
        lines.parent_tool_use_id as tool_use_id,
        max(lines.hook_event) filter (where lines.hook_event = 'PreToolUse') as first_hook_event
    from {{ ref('stg_transcripts__line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    where
        lines.progress_type = 'hook_progress' and lines.parent_tool_use_id is not null
        and lines.hook_event like '%ToolUse%'
    group by lines.session_id, lines.parent_tool_use_id
    having bool_and(lines.hook_event = 'PreToolUse')
),

-- Duration that the client reports to its hooks: the run time of the tool itself, without permission and hook
-- time.
timed as (
    select session_id, tool_use_id, min(duration_ms) as hook_duration_ms
    from {{ touched_rows(ref('stg_events__event')) }} as events
    where
        hook_event in ('PostToolUse', 'PostToolUseFailure')
        and tool_use_id is not null and duration_ms is not null
    group by session_id, tool_use_id
),

paired as (
    select
        calls.*,
        timed.hook_duration_ms,
        hooks.first_hook_event,
        returns.client_version,
        returns.line_uuid as result_line_uuid,
        returns.source_path as result_source_path,
        returns.line_number as result_source_line,
        returns.returned_at,
        coalesce(returns.is_error, false) as is_error,
        returns.block_text as result_text,
        returns.text_bytes as output_bytes,
        returns.text_characters as output_characters,
        coalesce(returns.image_count, 0) as output_image_count,
        returns.tool_use_id is not null as has_result,
        returns.tool_denial_kind,
        returns.user_feedback,
        results.result,
        results.result_shape,
        results.patch_lines_added,
        results.patch_lines_deleted,
        results.written_text
    from calls
    left join returns on returns.tool_use_id = calls.tool_use_id and returns.return_rank = 1
    left join {{ touched_rows(ref('stg_transcripts__tool_use_result')) }} as results
        on results.line_id = returns.line_id
    left join hooks on hooks.session_id = calls.session_id and hooks.tool_use_id = calls.tool_use_id
    left join timed on timed.session_id = calls.session_id and timed.tool_use_id = calls.tool_use_id
    where calls.call_rank = 1
),

-- The commands of a failed shell call: the exit status is that of the last simple command.
commands as (
    select
        tool_use_id,
        {{ up_to_last_command(plain_command('tool_input.command')) }} as plain_text
    from paired
    where is_error and tool_name in ('Bash', 'PowerShell') and tool_input.command is not null
),

last_commands as (
    select
        tool_use_id,
        {{ last_command('plain_text') }} as command_text,
        {{ chain_before_last('plain_text') }} as chain_before,
        regexp_matches(plain_text, 'pipefail|\bset\s+-\w*e') as stops_early
    from commands
),

judged as (
    select
        paired.*,
        paired.is_error or paired.tool_denial_kind is not null or coalesce(paired.result.interrupted, false)
        or (paired.tool_name = 'WebFetch' and coalesce(paired.result.code >= 400, false)) as has_failed,
        left(coalesce(paired.result_text, ''), 2000) as error_head,
        coalesce(
            try_cast(
                nullif({{ regex_group('paired.result_text', '^(?:Error: )?Exit code ([0-9]+)') }}, '')
                as integer
            ),
            paired.result.exitCode, paired.result.task.exitCode
        ) as exit_code,
        -- Such a client begins the result of each failed command with its exit code. Earlier clients wrote
        -- only the output of a failed command: 169 results of the corpus up to 2.0.5, none from it on.
        coalesce(
            {{ version_number('paired.client_version') }}
            >= {{ version_number("'" ~ var('exit_code_stated_since', '2.0.37') ~ "'") }}, false
        ) as states_exit_code,
        last_commands.command_text as last_command,
        coalesce(last_commands.chain_before, '') as chain_before,
        coalesce(last_commands.stops_early, false) as stops_early,
        -- Output of a command, without the client's words.
        {{ regex_replace_all('paired.result_text', "'^(Error: )?Exit code \\d+\\s*|^Error\\s*$'", "''") }}
            as printed_text
    from paired
    left join last_commands on last_commands.tool_use_id = paired.tool_use_id
),

-- The last command with its exit code, if the exit status is certainly its own. Without a stated code only
-- silence distinguishes "nothing was found" from an error.
attributed as (
    select
        *,
        case
            when stops_early or (exit_code is null and printed_text <> '') then null
            -- It queries how another command ended.
            when
                regexp_matches(last_command, '^(test|\[\[?)\s')
                and regexp_matches(
                    tool_input.command, '\$[?]|PIPESTATUS|\$\{?(rc|ret|status|code|exit\w*|result)\b'
                )
                then null
            when
                chain_before <> '' and (
                    not {{ only_looks('chain_before') }}
                    or regexp_matches(
                        printed_text, '(?i)no such file|fatal:|not a git|cannot|\berror\b|command not found'
                    )
                ) then null
            else coalesce(cast(exit_code as varchar), '') || ' ' || last_command
        end as exit_of_last_command
    from judged
),

classified as (
    select
        *,
        case
            when not has_failed then null
            when coalesce(result.interrupted, false) and not is_error then 'interrupted'
            else {{ rule_cases('tool_error_rules', {
                'denial_kind': 'regexp_matches(tool_denial_kind, {pattern})',
                'error_text': 'regexp_matches(error_head, {pattern})',
                'hook': 'states_exit_code and regexp_matches(first_hook_event, {pattern})',
                'http_status': 'regexp_matches(cast(result.code as varchar), {pattern})',
                'last_command': 'regexp_matches(exit_of_last_command, {pattern})',
                'unstated_error_text': 'not states_exit_code and regexp_matches(error_head, {pattern})',
                'tool': 'regexp_matches(tool_name, {pattern})'
            }, 'error_type', "'other'") }}
        end as rule_error_type
    from attributed
),

concluded as (
    select
        * exclude (has_failed),
        coalesce(rule_error_type = 'found_nothing', false) as has_found_nothing,
        nullif(rule_error_type, 'found_nothing') as error_type,
        has_failed and rule_error_type <> 'found_nothing' as has_failed,
        -- The duration of such a call is the time that the person took: no tool ran.
        tool_name in ('AskUserQuestion', 'ExitPlanMode', 'exit_plan_mode') as asks_person
    from classified
)

select
    concluded.tool_use_id,
    concluded.session_id,
    concluded.actor,
    turns.turn_id,
    turns.response_id,
    concluded.line_uuid,
    concluded.result_line_uuid,
    concluded.source_path,
    concluded.source_line,
    concluded.result_source_path,
    concluded.result_source_line,
    concluded.block_number,
    concluded.thread_position,
    concluded.tool_name,
    concluded.line_origin,
    concluded.caller_type,
    {{ mcp_server_of('concluded.tool_name') }} as mcp_server,
    concluded.called_at,
    concluded.returned_at,
    concluded.git_branch,
    runs.agent_type as started_agent_type,
    case
        when not concluded.has_result then 'no_result'
        when not concluded.has_failed then 'ok'
        when concluded.error_type like 'denied%' then 'denied'
        when concluded.error_type in ('interrupted', 'cancelled') then 'interrupted'
        else 'error'
    end as call_status,
    concluded.error_type,
    case when concluded.has_failed then left(concluded.error_head, 1000) end as error_text,
    concluded.exit_code,
    concluded.tool_denial_kind,
    {{ own_words("coalesce(concluded.user_feedback, case when concluded.error_type = 'denied_user' then "
        ~ rejection_text('concluded.result_text') ~ " end)") }} as user_feedback,
    {{ path_identity("coalesce(concluded.tool_input.file_path, concluded.tool_input.notebook_path)") }}
        as target_path,
    coalesce(
        concluded.tool_input.file_path, concluded.tool_input.notebook_path, concluded.tool_input.command,
        concluded.tool_input.pattern, concluded.tool_input.url, concluded.tool_input.query,
        concluded.tool_input.skill,
        concluded.tool_input.subagent_type, concluded.tool_input.path, concluded.tool_input.subject,
        concluded.tool_input.taskId, concluded.tool_input.task_id, concluded.tool_input.uri,
        concluded.tool_input.to,
        concluded.tool_input.description
    ) as target,
    concluded.tool_input,
    concluded.tool_input_json,
    concluded.result,
    concluded.result_shape,
    concluded.has_result,
    case when concluded.has_result then not concluded.has_failed end as is_success,
    concluded.has_found_nothing,
    -- Facts that a result without details states only in words.
    coalesce(
        concluded.tool_name = 'Write' and concluded.result.type is null
        and concluded.result_text like 'File created successfully%', false
    ) as is_said_to_be_new,
    coalesce(concluded.tool_input.run_in_background, false)
    or concluded.result.backgroundTaskId is not null
    or coalesce(concluded.result.status = 'async_launched', false) as is_background,
    case
        when concluded.result.totalDurationMs is not null then concluded.result.totalDurationMs
        when concluded.hook_duration_ms is not null and not concluded.asks_person
            then concluded.hook_duration_ms
        when concluded.result.durationMs is not null then concluded.result.durationMs
        when {{ stated_seconds }} is not null then {{ stated_seconds }} * 1000
        when concluded.returned_at >= concluded.called_at
            then {{ ms_between('concluded.called_at', 'concluded.returned_at') }}
    end as duration_ms,
    case
        when
            concluded.result.totalDurationMs is not null or concluded.result.durationMs is not null
            or {{ stated_seconds }} is not null
            or (concluded.hook_duration_ms is not null and not concluded.asks_person) then 'exact'
        when concluded.returned_at >= concluded.called_at then 'upper_bound'
    end as duration_method,
    coalesce(concluded.tool_input_bytes, 0) as input_bytes,
    coalesce(concluded.output_bytes, 0) as output_bytes,
    coalesce(concluded.output_characters, 0) as output_characters,
    concluded.output_image_count,
    -- Output of git and gh about a commit and a pull request: `[main 1a2b3c4] Subject`, `1a2b3c4 Subject` in
    -- a log that follows, `ok 1a2b3c4` from a wrapper; int_commit and fact_session_event decide.
    case
        when
            {{ regex_matches(
                'concluded.tool_input.command', "'\\bgit\\b[^\\n\\x3b&|]*\\s(commit|cherry-pick|revert)\\b'"
            ) }}
            then {{ regex_groups(
                'concluded.result_text',
                '(?m)^((?:\\[[^\\]\\n]+ [0-9a-f]{7,40}\\] |[0-9a-f]{7,40} |ok(?: ✓)? [0-9a-f]{7,40}$)[^\\n]*)'
            ) }}
    end as commit_lines,
    case
        when {{ regex_matches('concluded.tool_input.command', "'\\bgh\\s+pr\\s+create\\b'") }}
            then {{ regex_groups('concluded.result_text', '(?m)^(https://\\S+/pull/[0-9]+)\\s*$') }}
    end as pull_request_urls,
    -- Files with merge conflicts.
    case
        when
            concluded.tool_name in ('Bash', 'PowerShell')
            and contains(concluded.result_text, 'Merge conflict in ')
            then {{ regex_groups(
                'concluded.result_text', 'CONFLICT [(][a-z/]+[)]: Merge conflict in ([^\\n\\r]+)'
            ) }}
    end as conflicting_paths,
    concluded.written_text,
    case
        when concluded.result.type = 'create'
            then coalesce({{ line_count('concluded.written_text') }}, concluded.written_line_count)
        else concluded.patch_lines_added
    end as patch_lines_added,
    case when concluded.result.type = 'create' then 0 else concluded.patch_lines_deleted end
        as patch_lines_deleted,
    touched._batch_id
from concluded
inner join touched on touched.session_id = concluded.session_id
left join {{ ref('int_line_turn') }} as turns on turns.line_uuid = concluded.line_uuid
left join (
    select spawn_tool_use_id, max(agent_type) as agent_type
    from {{ ref('int_agent_run') }}
    where spawn_tool_use_id is not null
    group by spawn_tool_use_id
) as runs
    on runs.spawn_tool_use_id = concluded.tool_use_id
