-- Per session, the parts of the diet have the tokens and dollars of the ledger, to a millionth of a dollar.
with ledger as (
    select
        session_id,
        sum(tokens) as tokens,
        sum(carried_tokens) as carried_tokens,
        sum(entry_cost_usd) as entry_cost_usd,
        sum(rebilled_cost_usd) as rebilled_cost_usd,
        sum(cost_usd) as cost_usd
    from {{ ref('fact_context_segment') }}
    group by session_id
),

diet as (
    select
        session_id,
        sum(entered_tokens) as tokens,
        sum(carried_tokens) as carried_tokens,
        sum(entry_cost_usd) as entry_cost_usd,
        sum(rebilled_cost_usd) as rebilled_cost_usd,
        sum(entry_cost_usd + read_cost_usd + rebilled_cost_usd) as cost_usd
    from {{ ref('v_context_diet') }}
    group by session_id
)

select
    coalesce(ledger.session_id, diet.session_id) as session_id,
    ledger.tokens as ledger_tokens,
    diet.tokens as diet_tokens,
    ledger.cost_usd as ledger_usd,
    diet.cost_usd as diet_usd
from ledger
full join diet on diet.session_id = ledger.session_id
where
    {{ only_whole() }}
    and (
        coalesce(ledger.tokens, 0) <> coalesce(diet.tokens, 0)
        or coalesce(ledger.carried_tokens, 0) <> coalesce(diet.carried_tokens, 0)
        or {{ other_amount('coalesce(diet.entry_cost_usd, 0)', 'coalesce(ledger.entry_cost_usd, 0)') }}
        or {{ other_amount('coalesce(diet.rebilled_cost_usd, 0)', 'coalesce(ledger.rebilled_cost_usd, 0)') }}
        or {{ other_amount('coalesce(diet.cost_usd, 0)', 'coalesce(ledger.cost_usd, 0)') }}
    )
