{{ config(materialized='view') }}

-- A retrieval counts as used when one of the files it gave was.
with retrievals as (
    select
        retrieval_event,
        invocation_id,
        session_id,
        agent_id,
        task_id,
        retrieval_method,
        retrieved_with,
        query_text,
        min(retrieved_at) as retrieved_at,
        min(document_id) as document_id,
        count(distinct document_id) as document_count,
        max(text_characters) as text_characters
    from {{ ref('fact_chunk_retrieval') }}
    where coalesce(match_type, 'exact') = 'exact' and not is_miss and chunk_id is not null
    group by retrieval_event, invocation_id, session_id, agent_id, task_id, retrieval_method, retrieved_with, query_text
    having not bool_or(used_in_response)
),

costs as (
    select
        invocation_id,
        sum(tokens) as tokens,
        max(requests_carried) as requests_carried,
        sum(entry_cost_usd) as entry_cost_usd,
        sum(carrying_cost_usd) as carrying_cost_usd,
        sum(cost_usd) as cost_usd
    from {{ ref('fact_context_segment') }}
    where item_kind = 'tool_result' and invocation_id is not null
    group by invocation_id
)

select
    retrievals.retrieval_event,
    retrievals.invocation_id,
    retrievals.session_id,
    retrievals.agent_id,
    retrievals.task_id,
    retrievals.retrieved_at,
    retrievals.retrieval_method,
    retrievals.retrieved_with,
    retrievals.query_text,
    documents.document_path,
    retrievals.document_count,
    retrievals.text_characters,
    cast(costs.tokens as bigint) as tokens,
    costs.requests_carried,
    costs.entry_cost_usd,
    costs.carrying_cost_usd,
    costs.cost_usd
from retrievals
inner join {{ ref('dim_document') }} as documents on documents.document_id = retrievals.document_id
left join costs on costs.invocation_id = retrievals.invocation_id
