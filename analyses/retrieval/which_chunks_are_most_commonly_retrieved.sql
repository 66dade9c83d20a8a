-- Which chunks are most commonly retrieved?
-- Days are counted back from the newest action in the store, so that archives work too.
select
    d.document_path, c.chunk_index,
    count(*) as retrieval_count,
    avg(cr.relevance_score) as avg_score
from {{ ref('fact_chunk_retrieval') }} as cr
inner join {{ ref('dim_chunk') }} as c on c.chunk_id = cr.chunk_id
inner join {{ ref('dim_document') }} as d on d.document_id = c.document_id
where cr.retrieved_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '30 days'
group by d.document_path, c.chunk_index
order by retrieval_count desc
limit 20
