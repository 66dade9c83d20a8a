with places as (
    select
        chunks.chunk_id,
        chunks.document_id,
        symbols.symbol_name,
        symbols.reference_type,
        symbols.symbol_type,
        symbols.container_name,
        case when chunks.chunk_origin = 'scan' then 0 else coalesce(chunks.line_start, 1) - 1 end as lines_before,
        symbols.line_number,
        symbols.line_end,
        symbols._batch_id
    from {{ ref('dim_chunk') }} as chunks
    inner join {{ ref('stg_code__symbol') }} as symbols on symbols.content_id = chunks.content_id
    where chunks.chunk_origin = 'transcript' or symbols.chunk_index = chunks.chunk_index
)

select
    {{ surrogate_key(['chunk_id', 'symbol_name', 'reference_type', 'symbol_type', 'line_number']) }} as reference_id,
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
    max(_batch_id) as _batch_id
from places
group by chunk_id, document_id, symbol_name, reference_type, symbol_type, lines_before, line_number
