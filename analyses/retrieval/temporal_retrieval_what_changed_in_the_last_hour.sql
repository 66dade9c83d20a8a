-- Temporal retrieval: what changed in the last hour?
-- Days are counted back from the newest action in the store, so that archives work too.
select d.document_path, c.chunk_text
from {{ ref('fact_document_update') }} as du
inner join {{ ref('dim_document') }} as d on d.document_id = du.document_id
inner join {{ ref('dim_chunk') }} as c on c.document_id = d.document_id
where du.updated_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '1 hour'
    and du.update_type = 'modified'
