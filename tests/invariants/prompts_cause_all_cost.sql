-- Per session, the costs caused by the prompts add up to the cost of the calls: every call belongs to exactly
-- one prompt.
with prompts as (
    select
        session_id,
        sum(caused_cost_usd) as cost_usd,
        sum(caused_tokens) as total_tokens,
        sum(response_count) as response_count
    from {{ ref('fact_prompt') }}
    where {{ only_touched('session_id in {sessions}') }}
    group by session_id
),

calls as (
    select
        session_id,
        sum(cost_usd) as cost_usd,
        sum(total_tokens) as total_tokens,
        count(*) as response_count
    from {{ ref('fact_api_call') }}
    where success and {{ only_touched('session_id in {sessions}') }}
    group by session_id
)

select
    coalesce(prompts.session_id, calls.session_id) as session_id,
    prompts.cost_usd as prompt_cost_usd,
    calls.cost_usd as call_cost_usd,
    prompts.response_count as prompt_response_count,
    calls.response_count as call_response_count
from prompts
full join calls on calls.session_id = prompts.session_id
where
    {{ other_amount('coalesce(prompts.cost_usd, 0)', 'coalesce(calls.cost_usd, 0)') }}
    or coalesce(prompts.total_tokens, 0) <> coalesce(calls.total_tokens, 0)
    or coalesce(prompts.response_count, 0) <> coalesce(calls.response_count, 0)
