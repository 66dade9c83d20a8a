{{ config(
    materialized='incremental', incremental_strategy='append',
    zstd_columns=[
        'message_content', 'tool_use_result', 'content_body', 'attachment_body', 'shape_body', 'queued_text'
    ]
) }}

with raw_lines as (
    select
        file_id,
        line_number,
        part_number,
        coalesce(repaired_line, line) as line,
        'transcript' as line_origin,
        _batch_id
    from {{ source('raw', 'transcript_line') }}
    where set_aside_reason is null and {{ unseen() }}
    union all
    select
        file_id,
        line_number,
        part_number,
        line,
        'api_response' as line_origin,
        _batch_id
    from {{ ref('stg_api_responses__line') }}
    where {{ unseen() }}
    union all
    select
        file_id,
        line_number,
        part_number,
        line,
        'event' as line_origin,
        _batch_id
    from {{ ref('stg_events__line') }}
    where {{ unseen() }}
),

files as (
    select * from {{ ref('stg_transcripts__file') }}
),

parsed as (
    select
        file_id,
        line_number,
        part_number,
        line_origin,
        {{ escaped_char_count('line') }} as line_characters,
        -- ccusage searches for these bytes in a line before parsing it; the reconciliation needs that.
        case
            when line_origin <> 'transcript' then 'no_transcript'
            when position('"usage":' || '{' in line) = 0 then 'no_usage_bytes'
            when regexp_matches(
                    line,
                    '"(?:id|cwd|model|speed|costUSD|version|sessionId|requestId|isApiErrorMessage|'
                    || 'cache_read_input_tokens|cache_creation_input_tokens)":null'
                )
                then 'null_field'
        end as ccusage_skip_reason,
        -- Numbers that json_struct drops: negative ones, and those too long for a count.
        {{ regex_matches('line', impossible_count_pattern()) }} as has_impossible_count,
        _batch_id,
        {{ json_struct('line', transcript_line_spec()) }} as p
    from raw_lines
),

-- A progress line of a subagent (clients 2.1.0 to 2.1.85) wraps a whole conversation line: unwrap it.
unwrapped as (
    select
        parsed.*,
        files.path,
        files.generation,
        files.file_kind,
        files.file_session_id,
        files.file_agent_id,
        coalesce(
            parsed.p.data.message.message.role is not null or parsed.p.data.message.uuid is not null, false
        ) as is_nested,
        -- A line that lost its type gets the type of its message.
        coalesce(
            nullif(parsed.p.type, ''),
            case when parsed.p.message.role in ('user', 'assistant') then parsed.p.message.role end
        ) as own_type,
        -- The other dialect of the log names its session only in snake case, and no thread. An audit log adds
        -- the time at which it recorded the line.
        coalesce(
            parsed.p._audit_timestamp is not null or parsed.p._audit_hmac is not null
            or (
                nullif(parsed.p.sessionId, '') is null and nullif(parsed.p.session_id, '') is not null
                and parsed.p.isSidechain is null and parsed.p.parentUuid is null
            ),
            false
        ) as is_event_stream
    from parsed
    inner join files on files.file_id = parsed.file_id
)

select
    {{ line_id('lines') }} as line_id,
    lines.file_id,
    lines.line_number,
    lines.part_number,
    coalesce(
        {{ log_id('lines.p.sessionId') }},
        case when lines.is_event_stream then {{ log_id('lines.p.session_id') }} end,
        lines.file_session_id, 'unknown'
    ) as session_id,
    -- The session in which the line was first written, if the line names it. It ranks copies, but proves
    -- nothing alone: a session that continues another one names that one too.
    coalesce(
        {{ log_id('lines.p.forkedFrom.sessionId') }}, {{ log_id('lines.p.requestSessionId') }},
        {{ log_id('lines.p.session_id') }}
    ) as named_session_id,
    coalesce(
        {{ log_id('case when lines.is_nested then lines.p.data.message.uuid else lines.p.uuid end') }},
        -- Other writers omit the id; a conversation line needs one nevertheless.
        case
            when lines.own_type in ('user', 'assistant', 'system', 'attachment') or lines.is_nested
                then {{ surrogate_key([
                    'lines.path', 'lines.generation', 'lines.line_number', 'lines.part_number'
                ]) }}
        end
    ) as line_uuid,
    {{ log_id('lines.p.parentUuid') }} as parent_uuid,
    {{ log_id('lines.p.logicalParentUuid') }} as logical_parent_uuid,
    coalesce(
        {{ log_id('lines.p.data.agentId') }}, {{ log_id('lines.p.agentId') }},
        {{ log_id('lines.p.parent_tool_use_id') }},
        lines.file_agent_id
    ) as agent_run_id,
    lines.file_kind,
    lines.path as source_path,
    lines.line_origin,
    lines.is_event_stream,
    case when lines.is_nested then lines.p.data.message.type else lines.own_type end as line_type,
    nullif(lines.p.subtype, '') as subtype,
    lines.is_nested,
    {{ parse_timestamp(
        "case when lines.is_nested then coalesce(lines.p.data.message.timestamp, lines.p.timestamp)
            else coalesce(lines.p.timestamp, lines.p._audit_timestamp) end"
    ) }} as created_at,
    coalesce(lines.p.isSidechain, false) or lines.file_kind in ('subagent', 'workflow_agent')
    or lines.is_nested
    or nullif(lines.p.parent_tool_use_id, '') is not null as is_sidechain,
    nullif(lines.p.cwd, '') as working_dir,
    coalesce(lines.p.version, lines.p.claude_code_version) as client_version,
    nullif(lines.p.gitBranch, '') as git_branch,
    lines.p.entrypoint,
    lines.p.slug as plan_slug,
    lines.p.sessionKind as session_kind,
    lines.p.teamName as team_name,
    lines.p.agentName as agent_name,
    {{ log_id('lines.p.recordedUser') }} as user_name,

    -- user lines
    -- The stream repeats earlier lines when it resumes a session.
    coalesce(lines.p.isMeta, false) or coalesce(lines.p.isSynthetic, false)
    or coalesce(lines.p.isReplay, false) as is_meta,
    coalesce(lines.p.isCompactSummary, false) as is_compact_summary,
    coalesce(lines.p.ownNote, false) as is_client_note,
    lines.p.rowSource as row_source,
    {{ timestamp_from_ms('lines.p.sentAtMs') }} as sent_at,
    coalesce(lines.p.refusalRetry, false) as is_refusal_retry,
    {{ log_id('lines.p.refusedMessageId') }} as refused_message_id,
    {{ log_id('lines.p.promptId') }} as prompt_id,
    lines.p.promptSource as prompt_source,
    lines.p.turnOrigin as turn_origin,
    {{ log_id('lines.p.scheduledTaskId') }} as scheduled_task_id,
    lines.p.origin.kind as origin_kind,
    lines.p.permissionMode as permission_mode,
    coalesce(len(lines.p.imagePasteIds), 0) as pasted_image_count,
    {{ log_id('lines.p.sourceToolAssistantUUID') }} as source_tool_assistant_uuid,
    {{ log_id('lines.p.sourceToolUseID') }} as source_tool_use_id,
    lines.p.toolDenialKind as tool_denial_kind,
    lines.p.userFeedback as user_feedback,
    {{ log_id('lines.p.interruptedMessageId') }} as interrupted_message_id,
    lines.p.planContent as plan_content,

    -- assistant lines
    {{ log_id('case when lines.is_nested then lines.p.data.message.message.id else lines.p.message.id end') }}
        as message_id,
    {{ log_id('case when lines.is_nested then lines.p.data.message.requestId else lines.p.requestId end') }}
        as request_id,
    case when lines.is_nested then lines.p.data.message.message.model else lines.p.message.model end
        as model_raw,
    case when lines.is_nested then lines.p.data.message.message.role else lines.p.message.role end
        as message_role,
    case
        when lines.is_nested then lines.p.data.message.message.stop_reason
        else lines.p.message.stop_reason
    end as stop_reason,
    lines.p.message.stop_details.category as stop_category,
    lines.p.message.stop_details.explanation as stop_explanation,
    lines.p.message.diagnostics.cache_miss_reason.type as cache_miss_reason,
    {{ list_field_sum('lines.p.message.context_management.applied_edits', 'cleared_tool_uses') }}
        as cleared_tool_use_count,
    case when lines.is_nested then lines.p.data.message.message.usage else lines.p.message.usage end as usage,
    lines.p.apiBlockIndex as api_block_index,
    lines.p.effort,
    lines.p.attributionSkill as attribution_skill,
    lines.p.attributionPlugin as attribution_plugin,
    lines.p.attributionAgent as attribution_agent,
    lines.p.attributionMcpServer as attribution_mcp_server,
    lines.p.attributionMcpTool as attribution_mcp_tool,
    coalesce(lines.p.isApiErrorMessage, false) as is_api_error,
    coalesce(lines.p.isAbortedMidStream, false) as is_aborted,
    cast(lines.p.error as varchar) as error_body,
    lines.p.apiError as api_error,
    lines.p.apiErrorStatus as api_error_status,
    coalesce(
        lines.p.isApiErrorMessage and lower(left(cast(
            case
                when lines.is_nested then lines.p.data.message.message.content
                else lines.p.message.content
            end as varchar
        ), 2000)) like '%prompt is too long%', false
    ) as is_prompt_too_long,
    lines.p.supersedesUuids as superseded_uuids,
    {{ believable('lines.p.costUSD') }} as reported_cost_usd,
    lines.p.durationMs as duration_ms,
    {{ believable('lines.p.latencyMs') }} as latency_ms,
    {{ believable('lines.p.firstTokenMs') }} as first_token_ms,

    -- system lines
    lines.p.level,
    lines.p.trigger as fallback_trigger,
    lines.p.originalModel as original_model,
    lines.p.fallbackModel as fallback_model,
    lines.p.compactMetadata as compact_metadata,
    lines.p.microcompactMetadata as microcompact_metadata,
    lines.p.retryAttempt as retry_attempt,
    {{ believable('lines.p.retryInMs') }} as retry_in_ms,
    lines.p.maxRetries as max_retries,
    lines.p.hookCount as hook_count,
    coalesce(lines.p.preventedContinuation, false) as was_continuation_prevented,
    coalesce(lines.p.preventContinuation, false) as was_prompt_blocked,
    lines.p.messageCount as message_count,
    {{ log_id('lines.p.toolUseID') }} as tool_use_id,

    -- progress lines
    lines.p.data.type as progress_type,
    lines.p.data.hookEvent as hook_event,
    lines.p.data.hookName as hook_name,
    {{ log_id('lines.p.parentToolUseID') }} as parent_tool_use_id,

    -- state lines
    lines.p.summary,
    {{ log_id('lines.p.leafUuid') }} as leaf_uuid,
    lines.p.aiTitle as ai_title,
    lines.p.customTitle as custom_title,
    lines.p.agentSetting as agent_setting,
    lines.p.lastPrompt as last_prompt,
    coalesce(lines.p.rewound, false) as was_rewound,
    lines.p.mode,
    lines.p.operation as queue_operation,
    case when lines.p.operation is not null then {{ json_texts('lines.p.content') }} end as queued_text,
    lines.p.reason,
    lines.p.prNumber as pr_number,
    lines.p.prUrl as pr_url,
    lines.p.prRepository as pr_repository,
    lines.p.worktreeSession as worktree,
    lines.p.relocatedCwd as relocated_dir,
    {{ log_id('lines.p.continuedInSessionId') }} as continued_in_session_id,
    {{ log_id('lines.p.parentSessionId') }} as parent_session_id,
    {{ believable('lines.p.totalCostUSD') }} as total_cost_usd,
    {{ believable('lines.p.totalAPIDuration') }} as total_api_duration_ms,
    {{ believable('lines.p.totalAPIDurationWithoutRetries') }} as total_api_duration_without_retries_ms,
    {{ believable('lines.p.totalToolDuration') }} as total_tool_duration_ms,
    {{ believable('lines.p.totalDuration') }} as total_duration_ms,
    lines.p.totalLinesAdded as total_lines_added,
    lines.p.totalLinesRemoved as total_lines_removed,
    {{ timestamp_from_ms('lines.p.startTime') }} as process_started_at,
    lines.p.hasUnknownModelCost as has_unknown_model_cost,

    -- request records of the newest clients
    lines.p.id as record_id,
    lines.p.querySource as query_source,
    lines.p.shapeHash as shape_hash,
    lines.p.base as base_record_id,
    lines.p.params.model as request_model,
    lines.p.tail as request_tail_hashes,
    lines.p.keep as request_kept_messages,
    lines.p.hash as blob_hash,

    -- bodies without a fixed shape, for the staging models that parse them
    cast(
        case when lines.is_nested then lines.p.data.message.message.content else lines.p.message.content end
        as varchar
    ) as message_content,
    cast(
        case
            when lines.is_nested then lines.p.data.message.toolUseResult
            else coalesce(lines.p.toolUseResult, lines.p.tool_use_result)
        end as varchar
    ) as tool_use_result,
    cast(lines.p.content as varchar) as content_body,
    cast(lines.p.attachment as varchar) as attachment_body,
    cast(lines.p.hookInfos as varchar) as hook_infos,
    cast(lines.p.modelUsage as varchar) as model_usage,
    cast(lines.p.contextUsage as varchar) as context_usage,
    cast(lines.p.shape as varchar) as shape_body,
    cast(lines.p.tools as varchar) as tools_body,
    lines.ccusage_skip_reason,
    -- Values that could not be read as intended; v_set_aside_value counts them.
    nullif(concat_ws(
        ',',
        case
            when
                {{ parse_timestamp('coalesce(lines.p.timestamp, lines.p._audit_timestamp)') }} is null
                and (
                    lines.p.timestamp is not null
                    or (
                        lines.own_type in ('user', 'assistant', 'attachment')
                        and lines.line_origin <> 'api_response'
                    )
                )
                then 'timestamp'
        end,
        case when lines.has_impossible_count then 'token_count' end
    ), '') as unreadable_values,
    lines.line_characters,
    lines._batch_id
from unwrapped as lines
-- Sessions set aside by a guard stay in raw and out of every model until the code changes.
where session_id not in (select session_id from {{ source('raw', 'set_aside_session') }})
