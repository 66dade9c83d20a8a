{{ config(materialized='table', zstd_columns=['body_text']) }}

-- The bodies of skills that conversations show: what a Skill call or a typed command loaded. A body begins with the skill's
-- folder; what the call was made with stands in it or behind it. None of that is part of what is in the file.
with bodies as (
    select
        lines.session_id,
        lines.actor,
        lines.line_uuid,
        lines.created_at,
        lines.file_id,
        lines.line_number,
        lines._batch_id,
        coalesce(calls.tool_input.skill, turns.command_name) as called_name,
        calls.tool_use_id,
        coalesce(turns.turn_id, calls.turn_id) as turn_id,
        {{ regex_group("blocks.block_text", "^Base directory for this skill: ([^\\n]+)") }} as skill_path,
        blocks.block_text,
        coalesce(substr(turns.prompt_text, length(turns.command_name) + 3), calls.tool_input.args, '') as arguments
    from {{ ref('int_line') }} as lines
    inner join {{ ref('stg_transcripts__block') }} as blocks
        on blocks.file_id = lines.file_id and blocks.line_number = lines.line_number and blocks.part_number = lines.part_number
        and blocks.block_type = 'text'
    inner join {{ ref('stg_transcripts__line') }} as raw_lines
        on raw_lines.file_id = lines.file_id and raw_lines.line_number = lines.line_number and raw_lines.part_number = lines.part_number
    left join {{ ref('int_turn') }} as turns on turns.turn_id = lines.parent_uuid
    left join {{ ref('int_tool_call') }} as calls on calls.tool_use_id = raw_lines.source_tool_use_id
    where blocks.block_text like 'Base directory for this skill:%' and raw_lines.is_meta
),

masked as (
    select
        *,
        {{ template_text('block_text', 'arguments', 'session_id') }} as body_text
    from bodies
)

select
    masked.line_uuid,
    masked.session_id,
    actors.agent_id,
    masked.tool_use_id,
    masked.turn_id,
    -- The name as it was called, which tells the plugin; else the folder's.
    coalesce(masked.called_name, nullif({{ path_name('masked.skill_path') }}, '')) as skill_name,
    masked.skill_path,
    masked.body_text,
    md5(masked.body_text) as body_hash,
    length(masked.body_text) as body_characters,
    masked.created_at,
    files.path as _source_path,
    masked.line_number as _source_line,
    masked._batch_id
from masked
inner join {{ ref('int_actor') }} as actors on actors.session_id = masked.session_id and actors.actor = masked.actor
inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = masked.file_id
