-- The client's notices beside the conversation: system lines, attachments, links to pull requests.
select
    lines.line_uuid as notice_id,
    lines.session_id,
    lines.actor,
    lines.created_at as noticed_at,
    case lines.subtype
        when 'compact_boundary' then 'compaction'
        when 'microcompact_boundary' then 'micro_compaction'
        when 'api_error' then 'api_error'
        when 'stop_hook_summary' then 'stop_hooks'
        when 'turn_duration' then 'turn_end'
        when 'session_start' then 'client_session_start'
        when 'session_end' then 'client_session_end'
        when 'prompt' then 'client_prompt'
        else coalesce(lines.subtype, 'notice')
    end as notice_type,
    cast(null as varchar) as target_path,
    cast(null as bigint) as pr_number,
    cast(null as varchar) as pr_repository,
    case
        when lines.subtype = 'compact_boundary'
            then {{ as_json({
                'trigger': 'stg.compact_metadata.trigger', 'pre_tokens': 'stg.compact_metadata.preTokens',
                'post_tokens': 'stg.compact_metadata.postTokens'
            }) }}
        when lines.subtype = 'microcompact_boundary'
            then {{ as_json({
                'pre_tokens': 'stg.microcompact_metadata.preTokens',
                'tokens_saved': 'stg.microcompact_metadata.tokensSaved'
            }) }}
        when lines.subtype = 'api_error'
            then {{ as_json({
                'retry': 'stg.retry_attempt', 'max_retries': 'stg.max_retries',
                'retry_in_ms': 'stg.retry_in_ms'
            }) }}
        when lines.subtype in ('model_refusal_fallback', 'model_fallback', 'model_consent_fallback')
            then {{ as_json(
                {'from': 'stg.original_model', 'to': 'stg.fallback_model', 'trigger': 'stg.fallback_trigger'}
            ) }}
        when lines.subtype = 'turn_duration' then {{ as_json({'duration_ms': 'stg.duration_ms'}) }}
        when lines.subtype = 'stop_hook_summary'
            then {{ as_json({'hooks': 'stg.hook_count', 'prevented': 'stg.was_continuation_prevented'}) }}
        else {{ as_json({'level': 'stg.level'}) }}
    end as metadata,
    lines.git_branch,
    lines.source_path,
    lines.line_number as source_line
from {{ ref('int_line') }} as lines
inner join {{ ref('stg_transcripts__line') }} as stg on stg.line_id = lines.line_id
where lines.line_type = 'system'
union all
select
    line_uuid,
    session_id,
    actor,
    created_at,
    case
        when attachment_type like 'hook_%' or attachment_type = 'async_hook_response' then 'hook'
        else attachment_type
    end,
    coalesce(attachment.filename, attachment.path, attachment.planFilePath),
    null,
    null,
    case
        when attachment_type like 'hook_%' or attachment_type = 'async_hook_response' then {{ as_json({
            'kind': 'attachment_type', 'hook': 'attachment.hookName', 'event': 'attachment.hookEvent',
            'command': 'left(attachment.command, 200)', 'exit_code': 'attachment.exitCode',
            'duration_ms': 'attachment.durationMs', 'tool_use_id': 'attachment.toolUseID'}) }}
    end,
    git_branch,
    source_path,
    line_number
from {{ ref('int_attachment') }}
-- A line of another type with an attachment is already an event.
where line_type = 'attachment' and attachment_type in (
        'hook_success', 'hook_non_blocking_error', 'hook_blocking_error', 'hook_cancelled',
        'hook_error_during_execution', 'hook_stopped_continuation', 'hook_permission_decision',
        'async_hook_response', 'plan_mode', 'plan_mode_exit', 'auto_mode', 'auto_mode_exit',
        'edited_text_file', 'nested_memory', 'file', 'skill_listing', 'agent_listing_delta',
        'deferred_tools_delta'
    )
union all
-- A replaced file contains the same link in the same place again.
select
    {{ surrogate_key(['session_id', 'source_path', 'line_number', 'part_number', 'pr_url']) }},
    session_id,
    'main',
    min(created_at),
    'pr_link',
    pr_url,
    min(pr_number),
    min(pr_repository),
    null,
    min(git_branch),
    source_path,
    line_number
from {{ ref('stg_transcripts__line') }}
where line_type = 'pr-link' and pr_url is not null
group by session_id, source_path, line_number, part_number, pr_url
