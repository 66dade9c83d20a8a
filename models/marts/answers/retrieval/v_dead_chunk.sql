{{ config(materialized='view') }}

-- Whether agents work in the repository at all: chunks of one that nobody opened are not dead but unvisited.
with repositories as (
    select
        repository,
        max(last_retrieved_at) as last_retrieved_at
    from {{ ref('dim_document') }}
    where repository is not null
    group by repository
),

-- Ages count to the newest retrieval in the store, not to today.
moment as (
    select max(last_retrieved_at) as as_of
    from {{ ref('dim_document') }}
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
    chunks.text_characters,
    cast({{ ms_between('chunks.created_at', 'moment.as_of') }} / 86400000.0 as double) as age_days
from {{ ref('dim_chunk') }} as chunks
inner join {{ ref('dim_document') }} as documents on documents.document_id = chunks.document_id
cross join moment
left join repositories on repositories.repository = documents.repository
anti join {{ ref('fact_chunk_retrieval') }} as retrievals on retrievals.chunk_id = chunks.chunk_id
where
    chunks.chunk_origin = 'scan'
    and {{ ms_between('chunks.created_at', 'moment.as_of') }} > {{ var('dead_chunk_days') }} * cast(86400000 as bigint)
