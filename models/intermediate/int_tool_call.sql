-- depends_on: {{ ref('tool_error_rules') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns',
    zstd_columns=['tool_input_json', 'error_text']
) }}

with touched as {{ touched_sessions() }},

calls as (
    select
        lines.session_id,
        lines.actor,
        lines.line_uuid,
        lines.created_at as called_at,
        files.path as source_path,
        lines.line_number as source_line,
        blocks.tool_use_id,
        blocks.block_number,
        coalesce(blocks.tool_name, 'unknown') as tool_name,
        blocks.caller_type,
        blocks.tool_input,
        blocks.tool_input_json,
        blocks.tool_input_bytes,
        blocks.written_line_count,
        row_number() over (
            partition by blocks.tool_use_id order by lines.is_nested, lines.created_at nulls last, files.path, lines.line_number
        ) as call_rank
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    inner join {{ ref('stg_transcripts__block') }} as blocks
        on blocks.file_id = lines.file_id and blocks.line_number = lines.line_number and blocks.part_number = lines.part_number
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
    where blocks.block_type in ('tool_use', 'server_tool_use', 'mcp_tool_use') and blocks.tool_use_id is not null
),

returns as (
    select
        blocks.tool_use_id,
        lines.line_uuid,
        lines.created_at as returned_at,
        blocks.file_id,
        blocks.line_number,
        blocks.part_number,
        blocks.is_error,
        blocks.block_text,
        blocks.text_bytes,
        blocks.text_characters,
        blocks.image_count,
        row_number() over (
            partition by blocks.tool_use_id
            order by lines.is_nested, lines.created_at desc nulls last, lines.line_uuid
        ) as return_rank
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    inner join {{ ref('stg_transcripts__block') }} as blocks
        on blocks.file_id = lines.file_id and blocks.line_number = lines.line_number and blocks.part_number = lines.part_number
    where blocks.block_type = 'tool_result'
),

-- What a hook before the call may have stopped: no hook after it was run. (Clients 2.1.0 to 2.1.85 log the hooks they run.)
hooks as (
    select
        lines.session_id,
        lines.parent_tool_use_id as tool_use_id,
        max(lines.hook_event) filter (where lines.hook_event = 'PreToolUse') as first_hook_event
    from {{ ref('stg_transcripts__line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    where lines.progress_type = 'hook_progress' and lines.parent_tool_use_id is not null and lines.hook_event like '%ToolUse%'
    group by lines.session_id, lines.parent_tool_use_id
    having bool_and(lines.hook_event = 'PreToolUse')
),

paired as (
    select
        calls.*,
        hooks.first_hook_event,
        lines.client_version,
        returns.line_uuid as result_line_uuid,
        returns.returned_at,
        coalesce(returns.is_error, false) as is_error,
        returns.block_text as result_text,
        returns.text_bytes as output_bytes,
        returns.text_characters as output_characters,
        coalesce(returns.image_count, 0) as output_image_count,
        returns.tool_use_id is not null as has_result,
        lines.tool_denial_kind,
        lines.user_feedback,
        results.result,
        results.result_shape,
        results.patch_lines_added,
        results.patch_lines_deleted
    from calls
    left join returns on returns.tool_use_id = calls.tool_use_id and returns.return_rank = 1
    left join {{ ref('stg_transcripts__line') }} as lines
        on lines.file_id = returns.file_id and lines.line_number = returns.line_number and lines.part_number = returns.part_number
    left join {{ ref('stg_transcripts__tool_use_result') }} as results
        on results.file_id = returns.file_id and results.line_number = returns.line_number
        and results.part_number = returns.part_number
    left join hooks on hooks.session_id = calls.session_id and hooks.tool_use_id = calls.tool_use_id
    where calls.call_rank = 1
),

judged as (
    select
        *,
        is_error or tool_denial_kind is not null or coalesce(result.interrupted, false) as has_failed,
        left(coalesce(result_text, ''), 2000) as error_head,
        -- Such a client begins the result of each command that failed with its exit code.
        coalesce({{ version_number('client_version') }} >= {{ version_number("'" ~ var('exit_code_stated_since') ~ "'") }}, false) as states_exit_code
    from paired
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
                'unstated_error_text': 'not states_exit_code and regexp_matches(error_head, {pattern})',
                'tool': 'regexp_matches(tool_name, {pattern})'
            }, 'error_type', "'other'") }}
        end as error_type
    from judged
)

select
    classified.tool_use_id,
    classified.session_id,
    classified.actor,
    turns.turn_id,
    response_lines.response_id,
    classified.line_uuid,
    classified.result_line_uuid,
    classified.source_path,
    classified.source_line,
    classified.block_number,
    classified.tool_name,
    classified.caller_type,
    case
        when classified.tool_name like 'mcp\_\_%' escape '\'
            then {{ regex_group('classified.tool_name', '^mcp__(.+?)__') }}
    end as mcp_server,
    classified.called_at,
    classified.returned_at,
    case
        when not classified.has_result then 'no_result'
        when not classified.has_failed then 'ok'
        when classified.error_type like 'denied%' then 'denied'
        when classified.error_type in ('interrupted', 'cancelled') then 'interrupted'
        else 'error'
    end as call_status,
    classified.error_type,
    case when classified.has_failed then left(classified.error_head, 1000) end as error_text,
    coalesce(
        try_cast(nullif({{ regex_group('classified.error_head', '^(?:Error: )?Exit code ([0-9]+)') }}, '') as integer),
        classified.result.exitCode, classified.result.task.exitCode
    ) as exit_code,
    classified.tool_denial_kind,
    classified.user_feedback,
    {{ path_identity("coalesce(classified.tool_input.file_path, classified.tool_input.notebook_path)") }} as target_path,
    coalesce(
        classified.tool_input.file_path, classified.tool_input.notebook_path, classified.tool_input.command,
        classified.tool_input.pattern, classified.tool_input.url, classified.tool_input.query, classified.tool_input.skill,
        classified.tool_input.subagent_type, classified.tool_input.path, classified.tool_input.subject,
        classified.tool_input.taskId, classified.tool_input.task_id, classified.tool_input.uri, classified.tool_input.to,
        classified.tool_input.description
    ) as target,
    classified.tool_input,
    classified.tool_input_json,
    classified.result,
    classified.result_shape,
    classified.has_result,
    case when classified.has_result then not classified.has_failed end as is_success,
    coalesce(classified.tool_input.run_in_background, false)
    or classified.result.backgroundTaskId is not null
    or coalesce(classified.result.status = 'async_launched', false) as is_background,
    case
        when classified.result.totalDurationMs is not null then classified.result.totalDurationMs
        when classified.result.durationMs is not null then classified.result.durationMs
        when classified.result.durationSeconds is not null then classified.result.durationSeconds * 1000
        when classified.returned_at >= classified.called_at then {{ ms_between('classified.called_at', 'classified.returned_at') }}
    end as duration_ms,
    case
        when
            classified.result.totalDurationMs is not null or classified.result.durationMs is not null
            or classified.result.durationSeconds is not null then 'exact'
        when classified.returned_at >= classified.called_at then 'upper_bound'
    end as duration_method,
    coalesce(classified.tool_input_bytes, 0) as input_bytes,
    coalesce(classified.output_bytes, 0) as output_bytes,
    coalesce(classified.output_characters, 0) as output_characters,
    classified.output_image_count,
    -- What git and gh print about a commit and a pull request: `[main 1a2b3c4] Subject`, `1a2b3c4 Subject` of a log that follows,
    -- `ok 1a2b3c4` of a wrapper; fact_session_event decides.
    case
        when {{ regex_matches('classified.tool_input.command', "'\\bgit\\b[^\\n\\x3b&|]*\\s(commit|cherry-pick|revert)\\b'") }}
            then {{ regex_groups('classified.result_text', '(?m)^((?:\\[[^\\]\\n]+ [0-9a-f]{7,40}\\] |[0-9a-f]{7,40} |ok(?: ✓)? [0-9a-f]{7,40}$)[^\\n]*)') }}
    end as commit_lines,
    case
        when {{ regex_matches('classified.tool_input.command', "'\\bgh\\s+pr\\s+create\\b'") }}
            then {{ regex_groups('classified.result_text', '(?m)^(https://\\S+/pull/[0-9]+)\\s*$') }}
    end as pull_request_urls,
    case when classified.result.type = 'create' then classified.written_line_count else classified.patch_lines_added end
        as patch_lines_added,
    case when classified.result.type = 'create' then 0 else classified.patch_lines_deleted end as patch_lines_deleted,
    touched._batch_id
from classified
inner join touched on touched.session_id = classified.session_id
left join {{ ref('int_line_turn') }} as turns on turns.line_uuid = classified.line_uuid
left join (
    select line_uuid, max(response_id) as response_id
    from {{ ref('int_response_line') }}
    where not is_copy
    group by line_uuid
) as response_lines
    on response_lines.line_uuid = classified.line_uuid
