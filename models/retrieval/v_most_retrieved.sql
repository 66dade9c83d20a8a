{{ config(materialized='view') }}

select
    chunks.chunk_id,
    documents.document_id,
    min(retrievals.retrieved_at) as first_retrieved_at,
    max(retrievals.retrieved_at) as last_retrieved_at,
    documents.document_path,
    documents.document_type,
    documents.language,
    chunks.chunk_origin,
    chunks.chunk_kind,
    chunks.chunk_name,
    chunks.chunk_index,
    chunks.line_start,
    chunks.line_end,
    count(*) as retrieval_count,
    count(distinct retrievals.session_id) as session_count,
    count(*) filter (where retrievals.used_in_response) as used_count,
    count(*) filter (where retrievals.is_reread) as reread_count,
    count(*) filter (where retrievals.used_in_response) / count(*) as used_ratio,
    avg(retrievals.relevance_score) as average_relevance_score
from {{ ref('fact_chunk_retrieval') }} as retrievals
inner join {{ ref('dim_chunk') }} as chunks on chunks.chunk_id = retrievals.chunk_id
inner join {{ ref('dim_document') }} as documents on documents.document_id = chunks.document_id
group by
    chunks.chunk_id, documents.document_id, documents.document_path, documents.document_type, documents.language,
    chunks.chunk_origin, chunks.chunk_kind, chunks.chunk_name, chunks.chunk_index, chunks.line_start, chunks.line_end
