-- Per session, the tokens of the actions add up to those of the calls: splitting by length neither loses nor
-- invents a token.
with actions as (
    select
        session_id,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens
    from {{ ref('fact_agent_action') }}
    where {{ only_touched('session_id in {sessions}') }}
    group by session_id
),

calls as (
    select
        session_id,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens
    from {{ ref('fact_api_call') }}
    where {{ only_touched('session_id in {sessions}') }}
    group by session_id
)

select
    coalesce(actions.session_id, calls.session_id) as session_id,
    actions.input_tokens as action_input_tokens,
    calls.input_tokens as call_input_tokens,
    actions.output_tokens as action_output_tokens,
    calls.output_tokens as call_output_tokens
from actions
full join calls on calls.session_id = actions.session_id
where
    coalesce(actions.input_tokens, 0) <> coalesce(calls.input_tokens, 0)
    or coalesce(actions.output_tokens, 0) <> coalesce(calls.output_tokens, 0)
