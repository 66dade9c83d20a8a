with costs as (
    select
        invocation_id,
        sum(tokens) as tokens,
        sum(cost_usd) as cost_usd
    from {{ ref('fact_context_segment') }}
    where item_kind = 'tool_result' and invocation_id is not null
    group by invocation_id
)

select
    retrievals.session_id,
    retrievals.agent_id,
    retrievals.chunk_id,
    retrievals.document_id,
    min(retrievals.retrieved_at) as first_reread_at,
    max(retrievals.retrieved_at) as last_reread_at,
    documents.document_path,
    chunks.line_start,
    chunks.line_end,
    count(*) as reread_count,
    cast(sum(costs.tokens) as bigint) as reread_tokens,
    sum(costs.cost_usd) as reread_cost_usd
from {{ ref('fact_chunk_retrieval') }} as retrievals
inner join {{ ref('dim_chunk') }} as chunks on chunks.chunk_id = retrievals.chunk_id
inner join {{ ref('dim_document') }} as documents on documents.document_id = retrievals.document_id
left join costs on costs.invocation_id = retrievals.invocation_id
where retrievals.is_reread
group by
    retrievals.session_id, retrievals.agent_id, retrievals.chunk_id, retrievals.document_id,
    documents.document_path,
    chunks.line_start, chunks.line_end
