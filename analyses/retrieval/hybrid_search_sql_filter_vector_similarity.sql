-- Hybrid search: SQL filter + vector similarity
-- Replace the inner query with the embedding of your question.
select
    c.chunk_text,
    c.embedding <=> (
        select embedding from {{ ref('dim_chunk') }} where embedding is not null order by chunk_id limit 1
    ) as similarity
from {{ ref('dim_chunk') }} as c
inner join {{ ref('dim_document') }} as d on d.document_id = c.document_id
where
    d.document_type = 'code'
    and d.language = 'python'
    and c.chunk_text like '%validation%'
order by similarity
limit 10
