{{ config(zstd_columns=['template_text']) }}

-- The body that a command or skill put into the conversation: the line after the typed command, or the one a Skill call loaded.
with bodies as (
    select
        coalesce(turns.command_name, calls.tool_input.skill) as command_name,
        blocks.block_text as template_text,
        md5(blocks.block_text) as template_hash,
        lines.created_at
    from {{ ref('stg_transcripts__line') }} as lines
    inner join {{ ref('stg_transcripts__block') }} as blocks
        on blocks.file_id = lines.file_id and blocks.line_number = lines.line_number and blocks.part_number = lines.part_number
        and blocks.block_type = 'text'
    left join {{ ref('int_turn') }} as turns on turns.turn_id = lines.parent_uuid and turns.prompt_origin = 'command'
    left join {{ ref('int_tool_call') }} as calls on calls.tool_use_id = lines.source_tool_use_id and calls.tool_name = 'Skill'
    where lines.is_meta and lines.line_type = 'user' and length(blocks.block_text) > 0
),

-- A command whose body is not in the log has a version without text.
names as (
    select command_name, template_text, template_hash, created_at
    from bodies
    where command_name is not null
    union all
    select command_name, cast(null as varchar), 'unknown', prompted_at
    from {{ ref('int_turn') }}
    where prompt_origin = 'command' and command_name is not null
        and turn_id not in (select parent_uuid from {{ ref('stg_transcripts__line') }} where is_meta and parent_uuid is not null)
),

versions as (
    select
        command_name,
        template_hash,
        max(template_text) as template_text,
        min(created_at) as created_at,
        max(created_at) as last_used_at,
        count(*) as use_count
    from names
    group by all
)

select
    {{ surrogate_key(['command_name', 'template_hash']) }} as template_id,
    case
        when count(*) over (partition by command_name) = 1 then command_name
        else command_name || '@' || left(template_hash, 8)
    end as template_name,
    command_name,
    created_at,
    last_used_at,
    template_text,
    template_hash,
    'observed' as provenance,
    use_count
from versions
