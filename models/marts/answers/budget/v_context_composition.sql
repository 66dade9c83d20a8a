{{ config(materialized='view') }}

-- The main thread at its largest request, and at its last: what is in the context now.
with calls as (
    select
        call_id,
        session_id,
        called_at,
        context_tokens,
        row_number() over (partition by session_id order by context_tokens desc, called_at, call_id) as size_rank,
        row_number() over (partition by session_id order by called_at desc nulls last, call_id desc) as recency_rank
    from {{ ref('fact_api_call') }}
    where success and agent_run_id is null and context_tokens > 0
),

moments as (
    select *, 'peak' as moment from calls where size_rank = 1
    union all
    select *, 'end' as moment from calls where recency_rank = 1
)

select
    moments.session_id,
    moments.moment,
    usage.component_id,
    components.component_type,
    components.component_name,
    moments.call_id,
    moments.called_at,
    usage.context_tokens as tokens,
    moments.context_tokens,
    usage.context_tokens / moments.context_tokens as context_ratio
from moments
inner join {{ ref('fact_token_usage') }} as usage on usage.call_id = moments.call_id
inner join {{ ref('dim_component') }} as components on components.component_id = usage.component_id
where usage.context_tokens > 0
