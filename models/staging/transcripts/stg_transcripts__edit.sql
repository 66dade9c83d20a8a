-- The text that an edit was asked to write, for results whose patch is missing and for new files, which have
-- none.
with edits as (
    select
        line_id,
        block_number,
        tool_use_id,
        tool_name,
        {{ json_struct('tool_input_json', '{"content": "VARCHAR", "old_string": "VARCHAR",
            "new_string": "VARCHAR", "new_source": "VARCHAR", "edit_mode": "VARCHAR",
            "replace_all": "BOOLEAN"}') }} as edit,
        -- A text or one of its lines that begins with a tab, as written in JSON.
        contains(tool_input_json, concat(chr(92), 'n', chr(92), 't'))
        or contains(tool_input_json, concat(':"', chr(92), 't'))
            as has_tab_indent,
        _batch_id
    from {{ ref('stg_transcripts__block') }}
    where
        block_type = 'tool_use'
        and tool_name in ('Write', 'Edit', 'MultiEdit', 'NotebookEdit', 'NotebookEditCell')
)

select
    line_id,
    block_number,
    tool_use_id,
    tool_name,
    edit.old_string as old_text,
    case
        when edit.edit_mode = 'delete' then ''
        else coalesce(edit.content, edit.new_string, edit.new_source)
    end as new_text,
    edit.edit_mode as edit_mode,
    coalesce(edit.replace_all, false) as is_replace_all,
    coalesce(has_tab_indent, false) as has_tab_indent,
    _batch_id
from edits
