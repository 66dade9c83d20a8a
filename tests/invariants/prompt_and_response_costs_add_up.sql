-- Per prompt, its own estimated cost and the cost of its responses add up to the cost of its calls: no dollar
-- is counted on both sides.
with parts as (
    select
        prompt_id,
        session_id,
        estimated_cost_usd
    from {{ ref('fact_prompt') }}
    where {{ only_touched('session_id in {sessions}') }}
    union all
    select
        prompt_id,
        session_id,
        estimated_cost_usd
    from {{ ref('fact_response') }}
    where {{ only_touched('session_id in {sessions}') }}
),

estimated as (
    select
        prompt_id,
        min(session_id) as session_id,
        sum(estimated_cost_usd) as cost_usd
    from parts
    group by prompt_id
),

calls as (
    select
        prompt_id,
        min(session_id) as session_id,
        sum(cost_usd) as cost_usd
    from {{ ref('fact_api_call') }}
    where success and {{ only_touched('session_id in {sessions}') }}
    group by prompt_id
)

select
    coalesce(estimated.prompt_id, calls.prompt_id) as prompt_id,
    coalesce(estimated.session_id, calls.session_id) as session_id,
    estimated.cost_usd as estimated_cost_usd,
    calls.cost_usd as call_cost_usd
from estimated
full join calls on calls.prompt_id = estimated.prompt_id
where {{ other_amount('coalesce(estimated.cost_usd, 0)', 'coalesce(calls.cost_usd, 0)') }}
