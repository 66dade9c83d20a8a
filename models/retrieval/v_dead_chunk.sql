{{ config(materialized='view') }}

-- Whether agents work in the repository at all: chunks of one that nobody opened are not dead but unvisited.
with repositories as (
    select
        repository,
        max(last_retrieved_at) as last_retrieved_at
    from {{ ref('dim_document') }}
    where repository is not null
    group by repository
)

select
    chunks.chunk_id,
    documents.document_id,
    chunks.created_at,
    documents.last_retrieved_at as document_last_retrieved_at,
    documents.repository,
    documents.document_path,
    documents.document_type,
    documents.language,
    chunks.chunk_kind,
    chunks.chunk_name,
    repositories.last_retrieved_at is not null as is_repository_visited,
    chunks.chunk_index,
    chunks.line_start,
    chunks.line_end,
    chunks.text_characters
from {{ ref('dim_chunk') }} as chunks
inner join {{ ref('dim_document') }} as documents on documents.document_id = chunks.document_id
left join repositories on repositories.repository = documents.repository
anti join {{ ref('fact_chunk_retrieval') }} as retrievals on retrievals.chunk_id = chunks.chunk_id
where chunks.chunk_origin = 'scan'
