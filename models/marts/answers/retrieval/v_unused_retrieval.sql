{{ config(materialized='view') }}

-- A retrieval is unused where none of the files it gave was used and of none that is unknown: of searches and fetches, since
-- what was opened by its path is never known to be unused. What is written to be read – instructions, plans, documentation – is
-- of use by being read, and leaves no trace: it is told apart.
with retrievals as (
    select
        retrievals.retrieval_event,
        retrievals.invocation_id,
        retrievals.session_id,
        retrievals.agent_id,
        retrievals.task_id,
        retrievals.retrieval_method,
        retrievals.retrieved_with,
        retrievals.query_text,
        min(retrievals.retrieved_at) as retrieved_at,
        min(documents.document_path) as document_path,
        bool_and(
            documents.document_type in ('documentation', 'web_page')
            or (
                documents.document_type <> 'code'
                and {{ regex_matches('documents.document_path', "'" ~ var('guidance_paths') ~ "'") }}
            )
        ) as is_guidance,
        count(distinct retrievals.document_id) as document_count,
        max(retrievals.text_characters) as text_characters
    from {{ ref('fact_chunk_retrieval') }} as retrievals
    inner join {{ ref('dim_document') }} as documents on documents.document_id = retrievals.document_id
    where coalesce(retrievals.match_type, 'exact') = 'exact' and not retrievals.is_miss and retrievals.chunk_id is not null
    group by
        retrievals.retrieval_event, retrievals.invocation_id, retrievals.session_id, retrievals.agent_id, retrievals.task_id,
        retrievals.retrieval_method, retrievals.retrieved_with, retrievals.query_text
    having bool_and(coalesce(not retrievals.used_in_response, false))
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
    retrievals.document_path,
    retrievals.is_guidance,
    retrievals.document_count,
    retrievals.text_characters,
    cast(costs.tokens as bigint) as tokens,
    costs.requests_carried,
    costs.entry_cost_usd,
    costs.carrying_cost_usd,
    costs.cost_usd,
    case when not retrievals.is_guidance then costs.cost_usd end as unused_cost_usd
from retrievals
left join costs on costs.invocation_id = retrievals.invocation_id
