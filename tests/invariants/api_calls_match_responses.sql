-- The successful rows of fact_api_call match the responses of int_api_response, with the same tokens and
-- dollars: nothing is lost on the way.
with calls as (
    select
        call_id as response_id,
        session_id,
        uncached_input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_write_5m_tokens,
        cache_write_1h_tokens,
        web_search_count,
        cost_usd
    from {{ ref('fact_api_call') }}
    where success and {{ only_touched('session_id in {sessions}') }}
),

responses as (
    select
        response_id,
        session_id,
        uncached_input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_write_5m_tokens,
        cache_write_1h_tokens,
        web_search_count,
        input_cost_usd + cache_write_5m_cost_usd + cache_write_1h_cost_usd + cache_read_cost_usd
        + output_cost_usd + web_search_cost_usd as cost_usd
    from {{ ref('int_api_response') }}
    where {{ only_touched('session_id in {sessions}') }}
)

select
    coalesce(calls.response_id, responses.response_id) as response_id,
    coalesce(calls.session_id, responses.session_id) as session_id,
    calls.response_id is null as is_missing_in_fact,
    responses.response_id is null as is_missing_in_responses,
    calls.cost_usd as fact_cost_usd,
    responses.cost_usd as response_cost_usd
from calls
full join responses on responses.response_id = calls.response_id
where
    calls.response_id is null
    or responses.response_id is null
    or calls.uncached_input_tokens is distinct from responses.uncached_input_tokens
    or calls.output_tokens is distinct from responses.output_tokens
    or calls.cache_read_tokens is distinct from responses.cache_read_tokens
    or calls.cache_write_5m_tokens is distinct from responses.cache_write_5m_tokens
    or calls.cache_write_1h_tokens is distinct from responses.cache_write_1h_tokens
    or calls.web_search_count is distinct from responses.web_search_count
    or (calls.cost_usd is null) <> (responses.cost_usd is null)
    or {{ other_amount('calls.cost_usd', 'responses.cost_usd', '1e-9') }}
