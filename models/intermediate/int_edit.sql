select
    calls.tool_use_id,
    calls.session_id,
    calls.actor,
    calls.turn_id,
    calls.called_at,
    calls.returned_at,
    calls.tool_name,
    calls.target_path,
    calls.source_path,
    inputs.old_text,
    coalesce(calls.written_text, inputs.new_text) as new_text,
    inputs.new_text as asked_text,
    calls.result,
    calls.is_said_to_be_new,
    inputs.is_replace_all,
    coalesce(inputs.has_tab_indent, false) as has_tab_indent,
    calls.source_line,
    calls.patch_lines_added,
    calls.patch_lines_deleted,
    calls._batch_id
from {{ ref('int_tool_call') }} as calls
inner join {{ ref('tool_types') }} as types on types.tool_name = calls.tool_name
inner join {{ ref('int_line') }} as lines on lines.line_uuid = calls.line_uuid
left join {{ ref('stg_transcripts__edit') }} as inputs
    on inputs.line_id = lines.line_id and inputs.block_number = calls.block_number
    and inputs.tool_use_id = calls.tool_use_id
where types.tool_family in ('file_edit', 'notebook') and not types.is_read_only and calls.is_success
