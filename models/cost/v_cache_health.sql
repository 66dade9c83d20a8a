{{ config(materialized='view') }}

select
    calls.called_local_date as usage_date,
    models.model_name,
    cast(count(*) as bigint) as response_count,
    cast(sum(calls.uncached_input_tokens) as bigint) as uncached_input_tokens,
    cast(sum(calls.cache_read_tokens) as bigint) as cache_read_tokens,
    cast(sum(calls.cache_write_5m_tokens) as bigint) as cache_write_5m_tokens,
    cast(sum(calls.cache_write_1h_tokens) as bigint) as cache_write_1h_tokens,
    cast(sum(calls.cache_write_5m_tokens + calls.cache_write_1h_tokens) as bigint) as cache_write_tokens,
    sum(calls.cache_read_tokens) / nullif(sum(calls.context_tokens), 0) as cache_hit_ratio,
    cast(count(misses.call_id) as bigint) as cache_miss_count,
    {{ distinct_texts('misses.cause') }} as cache_miss_reasons,
    sum(calls.cache_read_cost_usd) as cache_read_cost_usd,
    sum(calls.cache_write_5m_cost_usd + calls.cache_write_1h_cost_usd) as cache_write_cost_usd,
    sum(calls.uncached_prefix_cost_usd - calls.cache_read_cost_usd - calls.cache_write_5m_cost_usd - calls.cache_write_1h_cost_usd)
        as saved_usd,
    cast(coalesce(sum(misses.missed_tokens), 0) as bigint) as missed_tokens,
    coalesce(sum(misses.rebilled_cost_usd), 0) as rebilled_cost_usd,
    coalesce(sum(misses.extra_cost_usd), 0) as miss_extra_cost_usd
from {{ ref('fact_api_call') }} as calls
inner join {{ ref('dim_model') }} as models on models.model_id = calls.model_id
left join {{ ref('fact_cache_miss') }} as misses on misses.call_id = calls.call_id
where calls.success and calls.called_local_date is not null
group by calls.called_local_date, models.model_name
