{{ config(materialized='view') }}

-- Dollars belong to the model that ran. A response counts once, for the model that finished it; an adviser has inferences only.
select
    models.model_name,
    models.provider,
    cast(count(distinct inferences.session_id) as bigint) as session_count,
    cast(count(*) filter (where inferences.is_answer) as bigint) as response_count,
    cast(count(*) as bigint) as inference_count,
    cast(sum(inferences.uncached_input_tokens) as bigint) as uncached_input_tokens,
    cast(sum(inferences.output_tokens) as bigint) as output_tokens,
    cast(sum(inferences.cache_read_tokens) as bigint) as cache_read_tokens,
    cast(sum(inferences.cache_write_5m_tokens) as bigint) as cache_write_5m_tokens,
    cast(sum(inferences.cache_write_1h_tokens) as bigint) as cache_write_1h_tokens,
    cast(sum(inferences.total_tokens) as bigint) as total_tokens,
    cast(sum(inferences.web_search_count) as bigint) as web_search_count,
    cast(count(*) filter (where inferences.is_answer and not inferences.is_call_priced) as bigint) as unpriced_response_count,
    cast(count(*) filter (where not inferences.is_priced) as bigint) as unpriced_inference_count,
    sum(inferences.web_search_cost_usd) as web_search_cost_usd,
    sum(inferences.cost_usd) as cost_usd
from {{ ref('fact_inference') }} as inferences
inner join {{ ref('dim_model') }} as models on models.model_id = inferences.model_id
group by all
