{{ config(
    materialized='incremental', incremental_strategy='append', zstd_columns=['written_text', 'result_text']
) }}

with lines as (
    select
        line_id,
        session_id,
        line_uuid,
        tool_use_result,
        _batch_id
    from {{ ref('stg_transcripts__line') }}
    where tool_use_result is not null and tool_use_result <> 'null' and {{ unseen() }}
),

parsed as (
    select
        *,
        case
            when left(tool_use_result, 1) = '{' then 'object'
            when left(tool_use_result, 1) = '[' then 'array'
            when left(tool_use_result, 1) = '"' then 'string'
            else 'other'
        end as result_shape,
        case
            when left(tool_use_result, 1) = '{'
                then {{ json_struct('tool_use_result', tool_use_result_spec()) }}
        end as r
    from lines
)

select
    line_id,
    session_id,
    line_uuid,
    result_shape,
    case when result_shape in ('string', 'array') then {{ json_texts('tool_use_result') }} end as result_text,
    r as result,
    {{ patch_line_count('r.structuredPatch', '+') }} as patch_lines_added,
    {{ patch_line_count('r.structuredPatch', '-') }} as patch_lines_deleted,
    case
        when r.type in ('create', 'update') and r.structuredPatch is not null
            then struct_extract({{ json_struct('tool_use_result', '{"content": "VARCHAR"}') }}, 'content')
    end as written_text,
    _batch_id
from parsed
