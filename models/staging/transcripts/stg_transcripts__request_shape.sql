-- The fixed beginning of a thread's requests as logged by the newest clients: system texts, then each tool's
-- definition. The system prompt is one text in a request's shape, and several sections in a snapshot of the
-- prompt.
with shapes as (
    select
        session_id,
        agent_run_id,
        shape_hash,
        created_at,
        line_id,
        {{ json_struct('shape_body', '{"system": [{"type": "VARCHAR", "text": "VARCHAR"}],
            "tools": [{"name": "VARCHAR", "description": "VARCHAR", "input_schema": "JSON"}]}') }} as shape,
        row_number() over (partition by session_id order by created_at, line_id) as shape_number,
        row_number() over (partition by session_id, agent_run_id order by created_at, line_id)
            as thread_shape_number,
        _batch_id
    from {{ ref('stg_transcripts__line') }}
    where line_type = 'api-request-shape' and shape_body is not null
),

snapshots as (
    select
        session_id,
        agent_run_id,
        created_at,
        line_id,
        {{ json_struct('attachment.systemPrompt', '["VARCHAR"]') }} as sections,
        {{ json_struct(
            'attachment.tools', '[{"name": "VARCHAR", "description": "VARCHAR", "schema": "JSON"}]'
        ) }} as tools,
        _batch_id
    from {{ ref('stg_transcripts__attachment') }}
    where attachment_type = 'prompt_snapshot'
),

-- The first snapshot of a thread contains its system texts; its tools may follow in a later one.
section_snapshots as (
    select
        *,
        row_number() over (partition by session_id, agent_run_id order by created_at, line_id)
            as snapshot_number
    from snapshots
    where sections is not null
),

tool_snapshots as (
    select
        *,
        row_number() over (partition by session_id, agent_run_id order by created_at, line_id)
            as snapshot_number
    from snapshots
    where tools is not null
),

system_parts as (
    select
        session_id,
        agent_run_id,
        shape_hash,
        created_at,
        line_id,
        part_number,
        'system_prompt' as component_type,
        'system_prompt' as component_name,
        {{ char_count('part.text') }} as characters,
        part.text as part_text,
        shape_number = 1 as is_first_of_session,
        thread_shape_number = 1 as is_first_of_thread,
        -- Text before the system prompt is short: the client's name.
        part_number > 1 or count(*) over (partition by line_id) = 1 as is_system_text,
        _batch_id
    from {{ explode("(select *, shape.system as parts from shapes)", 'parts', 'part', 'part_number') }}
        as exploded
),

tool_parts as (
    select
        session_id,
        agent_run_id,
        shape_hash,
        created_at,
        line_id,
        1000 + part_number as part_number,
        'tool' as component_type,
        part.name as component_name,
        coalesce({{ char_count('part.description') }}, 0) + coalesce(length(part.input_schema), 0)
        + length(part.name) as characters,
        part.description as part_text,
        shape_number = 1 as is_first_of_session,
        thread_shape_number = 1 as is_first_of_thread,
        false as is_system_text,
        _batch_id
    from {{ explode("(select *, shape.tools as parts from shapes)", 'parts', 'part', 'part_number') }}
        as exploded
    where part.name <> ''
),

section_parts as (
    select
        session_id,
        agent_run_id,
        cast(null as varchar) as shape_hash,
        created_at,
        line_id,
        2000 + part_number as part_number,
        'system_prompt' as component_type,
        case
            when part like '# Memory%' then 'memory_guidance'
            when part like '# Environment%' then 'environment'
            else 'system_prompt'
        end as component_name,
        {{ char_count('part') }} as characters,
        part as part_text,
        false as is_first_of_session,
        true as is_first_of_thread,
        false as is_system_text,
        _batch_id
    from {{ explode(
        "(select * from section_snapshots where snapshot_number = 1)", 'sections', 'part', 'part_number'
    ) }} as exploded
),

snapshot_tool_parts as (
    select
        session_id,
        agent_run_id,
        cast(null as varchar) as shape_hash,
        created_at,
        line_id,
        3000 + part_number as part_number,
        'tool' as component_type,
        part.name as component_name,
        coalesce({{ escaped_char_count('part.schema') }}, {{ char_count('part.description') }}, 0)
            as characters,
        part.description as part_text,
        false as is_first_of_session,
        true as is_first_of_thread,
        false as is_system_text,
        _batch_id
    from {{ explode(
        "(select * from tool_snapshots where snapshot_number = 1)", 'tools', 'part', 'part_number'
    ) }} as exploded
    where part.name <> ''
),

-- A shape's tools are those of the request itself: the snapshot's tools are used only where there is no
-- shape.
parts as (
    select * from system_parts
    union all
    select * from tool_parts
    union all
    select * from section_parts
    union all
    select snapshot_tool_parts.*
    from snapshot_tool_parts
    anti join shapes
        on shapes.session_id = snapshot_tool_parts.session_id
        and coalesce(shapes.agent_run_id, '') = coalesce(snapshot_tool_parts.agent_run_id, '')
)

select
    session_id,
    agent_run_id,
    shape_hash,
    created_at,
    line_id,
    part_number,
    component_type,
    component_name,
    coalesce(characters, 0) as characters,
    part_text,
    is_first_of_session,
    -- A system text that is also logged in sections counts once.
    is_first_of_thread and not (
        is_system_text
        and exists (
            select 1 from section_parts
            where section_parts.session_id = parts.session_id
                and coalesce(section_parts.agent_run_id, '') = coalesce(parts.agent_run_id, '')
        )
    ) as is_first_of_thread,
    _batch_id
from parts
