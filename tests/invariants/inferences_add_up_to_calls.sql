-- Per call, the inferences add up to its tokens and dollars, and exactly one of them is the answer, whose
-- context is the call's: counts by model are a split of counts by call.
with inferences as (
    select
        call_id,
        min(session_id) as session_id,
        count(*) as inference_count,
        count(*) filter (where is_answer) as answer_count,
        max(context_tokens) filter (where is_answer) as context_tokens,
        sum(uncached_input_tokens) as uncached_input_tokens,
        sum(output_tokens) as output_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(cache_write_5m_tokens) as cache_write_5m_tokens,
        sum(cache_write_1h_tokens) as cache_write_1h_tokens,
        sum(web_search_count) as web_search_count,
        bool_and(is_priced) as is_priced,
        sum(cost_usd) as cost_usd
    from {{ ref('fact_inference') }}
    where {{ only_touched('session_id in {sessions}') }}
    group by call_id
),

calls as (
    select *
    from {{ ref('fact_api_call') }}
    where success and {{ only_touched('session_id in {sessions}') }}
)

select
    coalesce(calls.call_id, inferences.call_id) as call_id,
    coalesce(calls.session_id, inferences.session_id) as session_id,
    calls.inference_count,
    inferences.inference_count as found_inference_count,
    inferences.answer_count,
    calls.cost_usd,
    inferences.cost_usd as inference_cost_usd
from calls
full join inferences on inferences.call_id = calls.call_id
where
    calls.call_id is null
    or inferences.call_id is null
    or inferences.answer_count <> 1
    or calls.inference_count <> inferences.inference_count
    or calls.context_tokens <> inferences.context_tokens
    or calls.uncached_input_tokens <> inferences.uncached_input_tokens
    or calls.output_tokens <> inferences.output_tokens
    or calls.cache_read_tokens <> inferences.cache_read_tokens
    or calls.cache_write_5m_tokens <> inferences.cache_write_5m_tokens
    or calls.cache_write_1h_tokens <> inferences.cache_write_1h_tokens
    or calls.web_search_count <> inferences.web_search_count
    or calls.is_priced <> inferences.is_priced
    or (calls.cost_usd is null) <> (inferences.cost_usd is null)
    or {{ other_amount('calls.cost_usd', 'inferences.cost_usd', '1e-9') }}
