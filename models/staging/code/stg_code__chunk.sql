{{ config(materialized='view') }}

select
    {{ surrogate_key(['blob_id', 'language']) }} as content_id,
    chunk_index,
    line_start,
    line_end,
    char_start,
    char_end,
    chunk_kind,
    chunk_name,
    chunk_text,
    md5(chunk_text) as chunk_hash,
    _batch_id
from {{ source('raw_code', 'code_chunk') }}
