-- With vectors, a chunk depends on all others: on whether a model made any of the vectors.
{{ config(
    materialized='table' if has_embeddings() else 'incremental', incremental_strategy='replace_changed',
    zstd_columns=['chunk_text']
) }}

with changed as {{ changed_documents() }},

documents as (
    select
        documents.*,
        changed.document_id,
        changed._state
    from {{ ref('stg_code__document') }} as documents
    inner join changed on changed.document_path = documents.document_path
    where documents.is_current and documents.set_aside_reason is null
),

-- The same range with the same text is one chunk, however often and by whom it was read.
retrieved as (
    select
        {{ surrogate_key([
            'retrievals.document_path', 'retrievals.chunk_kind', 'retrievals.line_start',
            'retrievals.line_end', 'retrievals.chunk_hash'
        ]) }} as chunk_id,
        changed.document_id,
        changed._state,
        retrievals.document_path,
        retrievals.chunk_kind,
        retrievals.chunk_hash,
        retrievals.line_start,
        retrievals.line_end,
        min(reads.content_id) as content_id,
        min(reads.line_start) - 1 as lines_before,
        min(retrievals.chunk_text) as chunk_text,
        max(retrievals.text_characters) as text_characters,
        min(retrievals.retrieved_at) as created_at,
        max(retrievals.retrieved_at) as last_seen_at
    from {{ ref('int_retrieval') }} as retrievals
    inner join changed on changed.document_path = retrievals.document_path
    left join {{ ref('stg_code__read') }} as reads
        on reads.tool_use_id = case when retrievals.chunk_text is not null then retrievals.tool_use_id end
    where retrievals.chunk_kind is not null
    group by all
),

-- Contents of a range, cut as in a scan: functions, classes, sections.
contents as (
    select
        content_id,
        count(*) as piece_count,
        min(chunk_hash) as first_hash,
        any_value(embedding) as first_embedding,
        left({{ joined_texts('chunk_name', 'chunk_index', ', ') }}, 200) as chunk_names
    from {{ ref('stg_code__chunk') }}
    group by content_id
),

-- A range that is one piece stays as it is. Any other range is cut, and its pieces are searched instead.
ranges as (
    select
        retrieved.*,
        contents.chunk_names,
        contents.first_embedding as embedding,
        contents.content_id is not null
        and (contents.piece_count > 1 or contents.first_hash <> retrieved.chunk_hash) as is_cut
    from retrieved
    left join contents on contents.content_id = retrieved.content_id
),

shown_pieces as (
    select
        ranges.document_id,
        ranges._state,
        ranges.document_path,
        ranges.content_id,
        ranges.created_at,
        ranges.last_seen_at,
        pieces.chunk_kind,
        pieces.chunk_name,
        pieces.chunk_text,
        pieces.chunk_hash,
        pieces.embedding,
        pieces.chunk_index,
        ranges.lines_before + pieces.line_start as line_start,
        ranges.lines_before + pieces.line_end as line_end,
        case when ranges.lines_before = 0 then pieces.char_start end as char_start,
        case when ranges.lines_before = 0 then pieces.char_end end as char_end,
        pieces.char_end - pieces.char_start as text_characters
    from ranges
    inner join {{ ref('stg_code__chunk') }} as pieces on pieces.content_id = ranges.content_id
    where ranges.is_cut
),

-- The same piece at the same place is one chunk, whatever else was read with it.
pieces as (
    select
        *,
        {{ surrogate_key(['document_path', "'piece'", 'line_start', 'line_end', 'chunk_hash']) }} as chunk_id,
        min(created_at) over (partition by document_id, line_start, line_end, chunk_hash) as first_seen_at,
        row_number() over (
            partition by document_id, line_start, line_end, chunk_hash
            order by last_seen_at desc, content_id, chunk_index
        ) as newness
    from shown_pieces
),

-- A range within a larger one that was seen later adds nothing to a search, and pieces that a later look at
-- their lines did not show are gone.
covered as (
    select distinct smaller.chunk_id
    from ranges as smaller
    inner join ranges as larger
        on larger.document_id = smaller.document_id
        and larger.line_start <= smaller.line_start
        and larger.line_end >= smaller.line_end
    where
        larger.line_end - larger.line_start > smaller.line_end - smaller.line_start
        and larger.chunk_kind = 'range'
        and larger.last_seen_at >= smaller.last_seen_at
        and (larger.is_cut or larger.text_characters <= {{ var('chunk_characters_kept') }})
    union all
    select distinct pieces.chunk_id
    from pieces
    inner join ranges as later
        on later.document_id = pieces.document_id
        and later.line_start <= pieces.line_start
        and later.line_end >= pieces.line_end
    where
        pieces.newness = 1 and later.chunk_kind = 'range' and later.chunk_text is not null
        and later.last_seen_at > pieces.last_seen_at
),

-- A range that was read in several states is searched in its last one, a scanned file only in the chunks of
-- the scan.
numbered as (
    select
        ranges.*,
        row_number() over (
            partition by ranges.document_id
            order by ranges.line_start nulls last, ranges.line_end, ranges.created_at, ranges.chunk_id
        ) - 1 as chunk_index,
        row_number() over (
            partition by ranges.document_id, ranges.line_start, ranges.line_end
            order by ranges.last_seen_at desc, ranges.chunk_id
        ) = 1
        and not ranges.is_cut and documents.document_id is null and covered.chunk_id is null
        and ranges.chunk_text is not null as is_indexed
    from ranges
    left join documents on documents.document_id = ranges.document_id
    left join covered on covered.chunk_id = ranges.chunk_id
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
        chunk_names as chunk_name,
        chunk_text,
        chunk_hash,
        case when not is_cut then embedding end as embedding,
        is_indexed,
        is_cut,
        chunk_index,
        line_start,
        line_end,
        case when line_start = 1 and text_characters is not null then 0 end as char_start,
        case when line_start = 1 then text_characters end as char_end,
        text_characters,
        _state
    from numbered
    union all
    select
        pieces.chunk_id,
        pieces.document_id,
        pieces.content_id,
        pieces.first_seen_at,
        pieces.last_seen_at,
        'transcript',
        pieces.chunk_kind,
        pieces.chunk_name,
        pieces.chunk_text,
        pieces.chunk_hash,
        pieces.embedding,
        documents.document_id is null and covered.chunk_id is null,
        false,
        pieces.chunk_index,
        pieces.line_start,
        pieces.line_end,
        pieces.char_start,
        pieces.char_end,
        pieces.text_characters,
        pieces._state
    from pieces
    left join documents on documents.document_id = pieces.document_id
    left join covered on covered.chunk_id = pieces.chunk_id
    where pieces.newness = 1
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
        chunks.embedding,
        true,
        false,
        chunks.chunk_index,
        chunks.line_start,
        chunks.line_end,
        chunks.char_start,
        chunks.char_end,
        chunks.char_end - chunks.char_start,
        documents._state
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
    {% if has_embeddings() %}coalesce(
        chunks.embedding, vectors.embedding
    ){% else %}chunks.embedding{% endif %} as embedding,
    chunks.is_indexed,
    chunks.is_cut,
    cast(chunks.chunk_index as bigint) as chunk_index,
    chunks.line_start,
    chunks.line_end,
    cast(chunks.char_start as bigint) as char_start,
    cast(chunks.char_end as bigint) as char_end,
    chunks.text_characters,
    chunks._state
from chunks
    {%- if has_embeddings() %}
    -- Without a model the words themselves are hashed. Vectors of two kinds cannot be compared.
    left join {{ chunk_embeddings("(select chunk_id, chunk_text from chunks where is_indexed and not exists "
        "(select 1 from chunks where embedding is not null))") }} as vectors
        on vectors.chunk_id = chunks.chunk_id
    {%- endif %}
