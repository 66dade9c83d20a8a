{{ config(materialized='view') }}

select
    inferences.called_local_date as usage_date,
    models.model_name,
    cast(count(*) filter (where inferences.is_answer) as bigint) as response_count,
    cast(sum(inferences.uncached_input_tokens) as bigint) as uncached_input_tokens,
    cast(sum(inferences.cache_read_tokens) as bigint) as cache_read_tokens,
    cast(sum(inferences.cache_write_5m_tokens) as bigint) as cache_write_5m_tokens,
    cast(sum(inferences.cache_write_1h_tokens) as bigint) as cache_write_1h_tokens,
    cast(sum(inferences.cache_write_5m_tokens + inferences.cache_write_1h_tokens) as bigint) as cache_write_tokens,
    sum(inferences.cache_read_tokens) / nullif(sum(inferences.context_tokens), 0) as cache_hit_ratio,
    cast(count(calls.cache_miss_reason) as bigint) as cache_miss_count,
    {{ distinct_texts('calls.cache_miss_reason') }} as cache_miss_reasons,
    sum(inferences.cache_read_cost_usd) as cache_read_cost_usd,
    sum(inferences.cache_write_5m_cost_usd + inferences.cache_write_1h_cost_usd) as cache_write_cost_usd,
    sum(inferences.uncached_prefix_cost_usd - inferences.cache_read_cost_usd - inferences.cache_write_5m_cost_usd - inferences.cache_write_1h_cost_usd)
        as saved_usd
from {{ ref('fact_inference') }} as inferences
inner join {{ ref('dim_model') }} as models on models.model_id = inferences.model_id
-- What the client noted of a miss is about the response, not about its adviser.
left join {{ ref('fact_api_call') }} as calls on calls.call_id = inferences.call_id and inferences.is_answer
where inferences.called_local_date is not null
group by inferences.called_local_date, models.model_name
