-- Per session, the allocated dollars and tokens equal those of the API calls, to a millionth of a dollar: the
-- causes of cost split it without remainder.
with calls as (
    select
        session_id,
        sum(coalesce(cost_usd, 0)) as cost_usd,
        sum(input_tokens) as carried_tokens,
        sum(output_tokens) as output_tokens
    from {{ ref('fact_api_call') }}
    where success and {{ only_touched('session_id in {sessions}') }}
    group by session_id
),

allocated as (
    select
        session_id,
        sum(cost_usd) as cost_usd,
        sum(carried_tokens) as carried_tokens,
        sum(output_tokens) as output_tokens,
        least(min(carried_tokens), min(output_tokens), min(entered_tokens)) as least_tokens
    from {{ ref('fact_component_cost') }}
    where {{ only_touched('session_id in {sessions}') }}
    group by session_id
)

select
    coalesce(calls.session_id, allocated.session_id) as session_id,
    allocated.cost_usd as allocated_usd,
    calls.cost_usd as call_cost_usd,
    allocated.carried_tokens as allocated_tokens,
    calls.carried_tokens as call_tokens,
    allocated.output_tokens as allocated_output_tokens,
    calls.output_tokens as call_output_tokens,
    allocated.least_tokens
from calls
full join allocated on allocated.session_id = calls.session_id
where
    {{ other_amount('coalesce(allocated.cost_usd, 0)', 'coalesce(calls.cost_usd, 0)') }}
    or coalesce(allocated.carried_tokens, 0) <> coalesce(calls.carried_tokens, 0)
    or coalesce(allocated.output_tokens, 0) <> coalesce(calls.output_tokens, 0)
    or allocated.least_tokens < 0
