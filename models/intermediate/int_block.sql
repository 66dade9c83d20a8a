{{ config(materialized='view') }}

-- A view: the texts stay in staging, what a reader does not take is not read. The session is the block's, so
-- that a reader of few sessions passes over the texts of others.
select
    lines.line_id,
    lines.line_number,
    blocks.block_number,
    blocks.session_id,
    lines.actor,
    lines.line_uuid,
    lines.parent_uuid,
    blocks.tool_use_id,
    lines.source_tool_use_id,
    lines.created_at,
    lines.line_type,
    blocks.block_type,
    blocks.tool_name,
    blocks.caller_type,
    blocks.media_type,
    lines.client_version,
    lines.git_branch,
    lines.model_raw,
    lines.tool_denial_kind,
    lines.user_feedback,
    blocks.block_text,
    blocks.tool_input,
    blocks.tool_input_json,
    blocks.referenced_tools,
    lines.source_path,
    lines.is_nested,
    lines.is_meta,
    lines.is_compact_summary,
    blocks.is_error,
    lines.thread_position,
    blocks.text_characters,
    blocks.text_bytes,
    blocks.signature_characters,
    blocks.image_count,
    blocks.tool_input_bytes,
    blocks.written_line_count,
    lines._batch_id
from {{ ref('int_line') }} as lines
inner join {{ ref('stg_transcripts__block') }} as blocks on blocks.line_id = lines.line_id
