-- Per response, the segments fill the context that was sent, without gap or overlap in sum, and the tokens
-- and dollars of the components add up to those of the call: for each kind of token, and to 1e-9 dollars.
with changes as (
    select
        thread_id,
        entered_response_number as response_number,
        tokens,
        tokens as least_tokens
    from {{ ref('int_context_segment') }}
    where {{ only_touched('session_id in {sessions}') }}
    union all
    select
        thread_id,
        left_response_number + 1 as response_number,
        -tokens as tokens,
        tokens as least_tokens
    from {{ ref('int_context_segment') }}
    where {{ only_touched('session_id in {sessions}') }}
),

netted as (
    select
        thread_id,
        response_number,
        sum(tokens) as tokens,
        min(least_tokens) as least_tokens
    from changes
    group by thread_id, response_number
),

filled as (
    select
        responses.response_id,
        responses.context_tokens,
        netted.least_tokens,
        sum(coalesce(netted.tokens, 0)) over (
            partition by responses.thread_id order by responses.response_number
            rows between unbounded preceding and current row
        ) as segment_tokens
    from {{ ref('int_context_response') }} as responses
    left join netted
        on netted.thread_id = responses.thread_id
        and netted.response_number = responses.response_number
    where {{ only_touched('responses.session_id in {sessions}') }}
),

used as (
    select
        call_id,
        sum(input_tokens) as input_tokens,
        sum(context_tokens) as context_tokens,
        sum(output_tokens) as output_tokens,
        sum(cached_tokens) as cached_tokens,
        sum(cache_write_1h_tokens) as cache_write_1h_tokens,
        sum(cache_write_5m_tokens) as cache_write_5m_tokens,
        sum(uncached_input_tokens) as uncached_input_tokens,
        sum(cost_usd) as cost_usd,
        min(least(input_tokens, output_tokens, cached_tokens, uncached_input_tokens)) as least_tokens
    from {{ ref('fact_token_usage') }}
    where {{ only_touched('session_id in {sessions}') }}
    group by call_id
),

calls as (
    select
        calls.*,
        used.input_tokens as used_input_tokens,
        used.output_tokens as used_output_tokens,
        used.cost_usd as used_cost_usd,
        filled.segment_tokens,
        coalesce(
            used.input_tokens <> calls.input_tokens
            or used.context_tokens <> calls.context_tokens
            or used.output_tokens <> calls.output_tokens
            or used.cached_tokens <> calls.cache_read_tokens
            or used.cache_write_1h_tokens <> calls.cache_write_1h_tokens
            or used.cache_write_5m_tokens <> calls.cache_write_5m_tokens
            or used.uncached_input_tokens <> calls.uncached_input_tokens
            or {{ other_amount('used.cost_usd', 'coalesce(calls.cost_usd, 0)', '1e-9') }}
            or used.least_tokens < 0, true
        ) as is_usage_wrong,
        coalesce(filled.segment_tokens <> filled.context_tokens or filled.least_tokens < 0, false)
            as is_context_wrong
    from {{ ref('fact_api_call') }} as calls
    left join used on used.call_id = calls.call_id
    left join filled on filled.response_id = calls.call_id
    where calls.success and {{ only_touched('calls.session_id in {sessions}') }}
)

select
    call_id,
    session_id,
    context_tokens,
    segment_tokens,
    used_input_tokens,
    output_tokens,
    used_output_tokens,
    cost_usd,
    used_cost_usd
from calls
where is_usage_wrong or is_context_wrong
