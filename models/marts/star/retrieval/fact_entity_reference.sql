{{ config(materialized='incremental', incremental_strategy='replace_changed') }}

with changed as {{ changed_documents() }},

places as (
    select
        chunks.chunk_id,
        chunks.document_id,
        chunks._state,
        symbols.symbol_name,
        symbols.reference_type,
        symbols.symbol_type,
        symbols.container_name,
        chunks.line_start - pieces.line_start as lines_before,
        symbols.line_number,
        symbols.line_end,
        symbols._batch_id
    from {{ ref('dim_chunk') }} as chunks
    semi join changed on changed.document_id = chunks.document_id
    -- A range that is not cut is the only piece of its content.
    inner join {{ ref('stg_code__chunk') }} as pieces
        on pieces.content_id = chunks.content_id
        and pieces.chunk_index = case when chunks.chunk_kind = 'range' then 0 else chunks.chunk_index end
    inner join {{ ref('stg_code__symbol') }} as symbols
        on symbols.content_id = pieces.content_id and symbols.chunk_index = pieces.chunk_index
    where not chunks.is_cut
)

select
    {{ surrogate_key(['chunk_id', 'symbol_name', 'reference_type', 'symbol_type', 'line_number']) }}
        as reference_id,
    {{ surrogate_key(['symbol_name']) }} as entity_id,
    chunk_id,
    document_id,
    symbol_name,
    reference_type,
    symbol_type,
    min(container_name) as container_name,
    'observed' as provenance,
    lines_before + line_number as line_number,
    lines_before + max(line_end) as line_end,
    max(_batch_id) as _batch_id,
    _state
from places
group by _state, chunk_id, document_id, symbol_name, reference_type, symbol_type, lines_before, line_number
