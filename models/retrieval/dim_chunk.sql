{{ config(zstd_columns=['chunk_text']) }}

with documents as (
    select
        *,
        {{ surrogate_key(['document_path']) }} as document_id
    from {{ ref('stg_code__document') }}
    where is_current and set_aside_reason is null
),

-- The same range with the same text is one chunk, however often and by whom it was read.
retrieved as (
    select
        {{ surrogate_key([
            'retrievals.document_path', 'retrievals.chunk_kind', 'retrievals.line_start', 'retrievals.line_end', 'retrievals.chunk_hash'
        ]) }} as chunk_id,
        {{ surrogate_key(['retrievals.document_path']) }} as document_id,
        retrievals.document_path,
        retrievals.chunk_kind,
        retrievals.chunk_hash,
        retrievals.line_start,
        retrievals.line_end,
        min(reads.content_id) as content_id,
        min(retrievals.chunk_text) as chunk_text,
        max(retrievals.text_characters) as text_characters,
        min(retrievals.retrieved_at) as created_at,
        max(retrievals.retrieved_at) as last_seen_at
    from {{ ref('int_retrieval') }} as retrievals
    left join {{ ref('stg_code__read') }} as reads on reads.tool_use_id = retrievals.tool_use_id
    where retrievals.chunk_kind is not null
    group by all
),

-- Ranges that lie in a larger one seen later say nothing new to a search.
covered as (
    select distinct smaller.chunk_id
    from retrieved as smaller
    inner join retrieved as larger
        on larger.document_id = smaller.document_id and larger.line_start <= smaller.line_start and larger.line_end >= smaller.line_end
    where
        larger.line_end - larger.line_start > smaller.line_end - smaller.line_start
        and larger.last_seen_at >= smaller.last_seen_at and larger.text_characters <= {{ var('chunk_characters_kept') }}
),

-- Of a range that was read in several states the last one is searched; of a scanned file only the scan's chunks.
numbered as (
    select
        retrieved.*,
        row_number() over (
            partition by retrieved.document_id
            order by retrieved.line_start nulls last, retrieved.line_end, retrieved.created_at, retrieved.chunk_id
        ) - 1 as chunk_index,
        row_number() over (
            partition by retrieved.document_id, retrieved.line_start, retrieved.line_end
            order by retrieved.last_seen_at desc, retrieved.chunk_id
        ) = 1 and documents.document_id is null and covered.chunk_id is null and retrieved.chunk_text is not null as is_indexed
    from retrieved
    left join documents on documents.document_id = retrieved.document_id
    left join covered on covered.chunk_id = retrieved.chunk_id
),

chunks as (
    select
        chunk_id,
        document_id,
        content_id,
        created_at,
        last_seen_at,
        'transcript' as chunk_origin,
        chunk_kind,
        cast(null as varchar) as chunk_name,
        chunk_text,
        chunk_hash,
        is_indexed,
        chunk_index,
        line_start,
        line_end,
        case when line_start = 1 and text_characters is not null then 0 end as char_start,
        case when line_start = 1 then text_characters end as char_end,
        text_characters
    from numbered
    union all
    select
        {{ surrogate_key(['documents.document_path', "'scan'", 'chunks.chunk_index', 'chunks.chunk_hash']) }},
        documents.document_id,
        chunks.content_id,
        documents.modified_at,
        documents.modified_at as seen_at,
        'scan',
        chunks.chunk_kind,
        chunks.chunk_name,
        chunks.chunk_text,
        chunks.chunk_hash,
        true,
        chunks.chunk_index,
        chunks.line_start,
        chunks.line_end,
        chunks.char_start,
        chunks.char_end,
        chunks.char_end - chunks.char_start
    from documents
    inner join {{ ref('stg_code__chunk') }} as chunks on chunks.content_id = documents.content_id
)

select
    chunks.chunk_id,
    chunks.document_id,
    chunks.content_id,
    chunks.created_at,
    chunks.last_seen_at,
    chunks.chunk_origin,
    chunks.chunk_kind,
    chunks.chunk_name,
    chunks.chunk_text,
    chunks.chunk_hash,
    {% if has_embeddings() %}vectors.embedding{% else %}cast(null as float[]){% endif %} as embedding,
    chunks.is_indexed,
    cast(chunks.chunk_index as bigint) as chunk_index,
    chunks.line_start,
    chunks.line_end,
    cast(chunks.char_start as bigint) as char_start,
    cast(chunks.char_end as bigint) as char_end,
    chunks.text_characters
from chunks
{%- if has_embeddings() %}
left join {{ chunk_embeddings("(select chunk_id, chunk_text from chunks where is_indexed)") }} as vectors
    on vectors.chunk_id = chunks.chunk_id
{%- endif %}
