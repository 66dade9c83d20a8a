select
    {{ surrogate_key([
        'blob_id', 'language', 'symbol_name', 'reference_type', 'symbol_type', 'line_number'
    ]) }} as symbol_id,
    {{ surrogate_key(['blob_id', 'language']) }} as content_id,
    chunk_index,
    symbol_name,
    container_name,
    symbol_type,
    reference_type,
    language,
    line_number,
    line_end,
    _batch_id
from {{ source('raw_code', 'code_symbol') }}
