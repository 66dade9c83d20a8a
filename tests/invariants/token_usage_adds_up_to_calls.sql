-- Per call, the components' tokens, of each kind, and dollars add up to the call's own: the context ledger
-- neither loses nor invents anything. A component without a price counts as 0 in the ledger.
with usage as (
    select
        call_id,
        sum(uncached_input_tokens) as uncached_input_tokens,
        sum(cached_tokens) as cached_tokens,
        sum(cache_write_5m_tokens) as cache_write_5m_tokens,
        sum(cache_write_1h_tokens) as cache_write_1h_tokens,
        sum(output_tokens) as output_tokens,
        sum(cost_usd) as cost_usd
    from {{ ref('fact_token_usage') }}
    where {{ only_touched('session_id in {sessions}') }}
    group by call_id
),

calls as (
    select *
    from {{ ref('fact_api_call') }}
    where success and {{ only_touched('session_id in {sessions}') }}
)

select
    calls.call_id,
    calls.session_id,
    calls.total_tokens,
    calls.cost_usd,
    usage.cost_usd as ledger_cost_usd
from calls
left join usage on usage.call_id = calls.call_id
where
    calls.uncached_input_tokens <> coalesce(usage.uncached_input_tokens, 0)
    or calls.cached_tokens <> coalesce(usage.cached_tokens, 0)
    or calls.cache_write_5m_tokens <> coalesce(usage.cache_write_5m_tokens, 0)
    or calls.cache_write_1h_tokens <> coalesce(usage.cache_write_1h_tokens, 0)
    or calls.output_tokens <> coalesce(usage.output_tokens, 0)
    or {{ other_amount('coalesce(calls.cost_usd, 0)', 'coalesce(usage.cost_usd, 0)') }}
