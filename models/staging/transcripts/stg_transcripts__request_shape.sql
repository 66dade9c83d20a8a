{{ config(materialized='view') }}

-- The parts of a request's shape as the newest clients log it: the system texts, then each tool's definition.
with shapes as (
    select
        session_id,
        shape_hash,
        created_at,
        file_id,
        line_number,
        {{ json_struct('shape_body', '{"system": [{"type": "VARCHAR", "text": "VARCHAR"}], "tools": [{"name": "VARCHAR",
            "description": "VARCHAR", "input_schema": "JSON"}]}') }} as shape,
        row_number() over (partition by session_id order by created_at, file_id, line_number) as shape_number,
        _batch_id
    from {{ ref('stg_transcripts__line') }}
    where line_type = 'api-request-shape' and shape_body is not null
),

system_parts as (
    select
        session_id,
        shape_hash,
        shape_number,
        created_at,
        file_id,
        line_number,
        part_number,
        'system_prompt' as component_type,
        'system_prompt' as component_name,
        length(part.text) as characters,
        part.text as part_text,
        _batch_id
    from {{ explode("(select *, shape.system as parts from shapes)", 'parts', 'part', 'part_number') }} as exploded
),

tool_parts as (
    select
        session_id,
        shape_hash,
        shape_number,
        created_at,
        file_id,
        line_number,
        1000 + part_number as part_number,
        'tool' as component_type,
        part.name as component_name,
        coalesce(length(part.description), 0) + coalesce(length(part.input_schema), 0) + length(part.name) as characters,
        part.description as part_text,
        _batch_id
    from {{ explode("(select *, shape.tools as parts from shapes)", 'parts', 'part', 'part_number') }} as exploded
    where part.name is not null
),

parts as (
    select * from system_parts
    union all
    select * from tool_parts
)

select
    session_id,
    shape_hash,
    created_at,
    file_id,
    line_number,
    part_number,
    component_type,
    component_name,
    coalesce(characters, 0) as characters,
    part_text,
    shape_number = 1 as is_first_of_session,
    _batch_id
from parts
