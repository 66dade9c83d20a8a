{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns') }}

-- A skill's body begins with its folder.
with touched as {{ touched_sessions() }}

select
    lines.session_id,
    lines.parent_uuid,
    lines.source_tool_use_id,
    blocks.file_id,
    blocks.line_number,
    blocks.part_number,
    blocks.block_number,
    nullif({{ regex_group("blocks.block_text", "^Base directory for this skill: ([^\\n]+)") }}, '') as skill_path,
    touched._batch_id
from {{ ref('stg_transcripts__line') }} as lines
inner join touched on touched.session_id = lines.session_id
inner join {{ touched_rows(ref('stg_transcripts__block')) }} as blocks
    on blocks.file_id = lines.file_id and blocks.line_number = lines.line_number and blocks.part_number = lines.part_number
    and blocks.block_type = 'text'
where lines.is_meta and blocks.block_text like 'Base directory for this skill:%'
