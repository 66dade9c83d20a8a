{{ config(materialized='view') }}

-- Only what was shown: that a listing named a file is no retrieval of its text.
with shown as (
    select
        retrievals.chunk_id,
        retrievals.document_id,
        retrievals.session_id,
        retrievals.retrieval_event,
        retrievals.retrieved_at,
        retrievals.used_in_response,
        retrievals.is_reread,
        retrievals.relevance_score,
        chunks.chunk_origin,
        chunks.chunk_kind,
        chunks.chunk_name,
        chunks.chunk_index,
        chunks.line_start,
        chunks.line_end
    from {{ ref('fact_chunk_retrieval') }} as retrievals
    inner join {{ ref('dim_chunk') }} as chunks on chunks.chunk_id = retrievals.chunk_id
    where chunks.chunk_kind <> 'document'
),

-- A document that is read in changing ranges has many chunks: its own totals count each retrieval once.
document_totals as (
    select
        document_id,
        count(distinct retrieval_event) as document_retrieval_count,
        count(distinct session_id) as document_session_count
    from shown
    group by document_id
),

document_ranks as (
    select
        document_id,
        document_retrieval_count,
        document_session_count,
        row_number() over (order by document_retrieval_count desc, document_session_count desc, document_id) as document_rank
    from document_totals
)

select
    shown.chunk_id,
    documents.document_id,
    min(shown.retrieved_at) as first_retrieved_at,
    max(shown.retrieved_at) as last_retrieved_at,
    documents.document_path,
    documents.document_type,
    documents.language,
    shown.chunk_origin,
    shown.chunk_kind,
    shown.chunk_name,
    row_number() over (
        order by count(*) desc, count(distinct shown.session_id) desc, max(shown.retrieved_at) desc nulls last, shown.chunk_id
    ) as retrieval_rank,
    ranks.document_rank,
    shown.chunk_index,
    shown.line_start,
    shown.line_end,
    count(*) as retrieval_count,
    count(distinct shown.session_id) as session_count,
    ranks.document_retrieval_count,
    ranks.document_session_count,
    count(*) filter (where shown.used_in_response) as used_count,
    count(*) filter (where shown.is_reread) as reread_count,
    count(*) filter (where shown.used_in_response) / count(*) as used_ratio,
    avg(shown.relevance_score) as average_relevance_score
from shown
inner join document_ranks as ranks on ranks.document_id = shown.document_id
inner join {{ ref('dim_document') }} as documents on documents.document_id = shown.document_id
group by
    shown.chunk_id, documents.document_id, documents.document_path, documents.document_type, documents.language,
    shown.chunk_origin, shown.chunk_kind, shown.chunk_name, shown.chunk_index, shown.line_start, shown.line_end,
    ranks.document_rank, ranks.document_retrieval_count, ranks.document_session_count
