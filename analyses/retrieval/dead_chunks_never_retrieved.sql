-- Dead chunks: never retrieved
-- Days are counted back from the newest action in the store, so that archives work too.
select d.document_path, c.chunk_index
from {{ ref('dim_chunk') }} as c
inner join {{ ref('dim_document') }} as d on d.document_id = c.document_id
left join {{ ref('fact_chunk_retrieval') }} as cr on cr.chunk_id = c.chunk_id
where cr.retrieval_id is null
    and c.created_at < (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '30 days'
