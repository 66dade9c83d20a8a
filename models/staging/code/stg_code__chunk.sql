with chunks as (
    select
        *,
        md5(chunk_text) as chunk_hash
    from {{ source('raw_code', 'code_chunk') }}
)

select
    {{ surrogate_key(['chunks.blob_id', 'chunks.language']) }} as content_id,
    chunks.chunk_index,
    chunks.line_start,
    chunks.line_end,
    chunks.char_start,
    chunks.char_end,
    chunks.chunk_kind,
    chunks.chunk_name,
    chunks.chunk_text,
    chunks.chunk_hash,
    vectors.embedding,
    chunks._batch_id
from chunks
left join {{ source('raw_code', 'code_vector') }} as vectors on vectors.chunk_hash = chunks.chunk_hash
