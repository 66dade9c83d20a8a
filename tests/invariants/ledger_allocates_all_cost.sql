-- Per session and basis the allocated dollars are those of the API calls, to a millionth of a dollar: what
-- caused a cost is a split of it, nothing more and nothing less.
with bases as (
    select 'context' as basis
    union all
    select 'task' as basis
),

calls as (
    select
        session_id,
        sum(coalesce(cost_usd, 0)) as cost_usd,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens
    from {{ ref('fact_api_call') }}
    where success and {{ only_touched('session_id in {sessions}') }}
    group by session_id
),

expected as (
    select
        calls.*,
        bases.basis
    from calls
    cross join bases
),

allocated as (
    select
        session_id,
        basis,
        sum(cost_usd) as cost_usd,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        least(min(input_tokens), min(output_tokens), min(entered_tokens)) as least_tokens
    from {{ ref('fact_cost_allocation') }}
    where {{ only_touched('session_id in {sessions}') }}
    group by session_id, basis
)

select
    coalesce(expected.session_id, allocated.session_id) as session_id,
    coalesce(expected.basis, allocated.basis) as basis,
    allocated.cost_usd as allocated_usd,
    expected.cost_usd as call_cost_usd,
    allocated.input_tokens as allocated_input_tokens,
    expected.input_tokens as call_input_tokens,
    allocated.output_tokens as allocated_output_tokens,
    expected.output_tokens as call_output_tokens,
    allocated.least_tokens
from expected
full join allocated on expected.session_id = allocated.session_id and expected.basis = allocated.basis
where
    {{ other_amount('coalesce(allocated.cost_usd, 0)', 'coalesce(expected.cost_usd, 0)') }}
    or coalesce(allocated.input_tokens, 0) <> coalesce(expected.input_tokens, 0)
    or coalesce(allocated.output_tokens, 0) <> coalesce(expected.output_tokens, 0)
    or allocated.least_tokens < 0
