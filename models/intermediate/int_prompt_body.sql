{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['template_text']
) }}

-- The line after a typed command, or the line that a Skill call loaded.
with touched as {{ touched_sessions() }},

bodies as (
    select
        lines.line_uuid,
        lines.session_id,
        turns.turn_id,
        calls.tool_use_id,
        coalesce(turns.command_name, calls.tool_input.skill) as command_name,
        lines.created_at,
        coalesce(substr(turns.prompt_text, length(turns.command_name) + 3), calls.tool_input.args, '')
            as arguments,
        blocks.block_text,
        touched._batch_id
    from {{ ref('stg_transcripts__line') }} as lines
    inner join touched on touched.session_id = lines.session_id
    inner join {{ touched_rows(ref('stg_transcripts__block')) }} as blocks
        on blocks.line_id = lines.line_id and blocks.block_type = 'text'
    left join {{ ref('int_turn') }} as turns
        on turns.turn_id = lines.parent_uuid and turns.prompt_origin = 'command'
    left join {{ ref('int_tool_call') }} as calls
        on calls.tool_use_id = lines.source_tool_use_id and calls.tool_name = 'Skill'
    where lines.is_meta and lines.line_type = 'user' and length(blocks.block_text) > 0
),

masked as (
    select
        *,
        {{ template_text('block_text', 'arguments', 'session_id') }} as template_text
    from bodies
    where command_name is not null
)

-- A line that is in several files, or twice in one, is one body.
select
    line_uuid,
    session_id,
    turn_id,
    tool_use_id,
    command_name,
    created_at,
    template_text,
    md5(template_text) as template_hash,
    _batch_id
from (
    select
        *,
        row_number() over (
            partition by line_uuid, session_id
            order by
                turn_id nulls last, tool_use_id nulls last, command_name, created_at nulls last, template_text
        ) as copy_number
    from masked
) as copies
where copy_number = 1
