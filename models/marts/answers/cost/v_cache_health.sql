select
    inferences.called_local_date as usage_date,
    models.model_name,
    cast(count(*) filter (where inferences.is_answer) as bigint) as response_count,
    cast(sum(inferences.uncached_input_tokens) as bigint) as uncached_input_tokens,
    cast(sum(inferences.cache_read_tokens) as bigint) as cache_read_tokens,
    cast(sum(inferences.cache_write_5m_tokens) as bigint) as cache_write_5m_tokens,
    cast(sum(inferences.cache_write_1h_tokens) as bigint) as cache_write_1h_tokens,
    cast(sum(inferences.cache_write_5m_tokens + inferences.cache_write_1h_tokens) as bigint)
        as cache_write_tokens,
    sum(inferences.cache_read_tokens) / nullif(sum(inferences.context_tokens), 0) as cache_hit_ratio,
    cast(count(misses.call_id) as bigint) as cache_miss_count,
    {{ distinct_texts('misses.cause') }} as cache_miss_reasons,
    sum(inferences.cache_read_cost_usd) as cache_read_cost_usd,
    sum(inferences.cache_write_5m_cost_usd + inferences.cache_write_1h_cost_usd) as cache_write_cost_usd,
    sum(
        inferences.uncached_prefix_cost_usd - inferences.cache_read_cost_usd
        - inferences.cache_write_5m_cost_usd
        - inferences.cache_write_1h_cost_usd
    ) as saved_usd,
    cast(coalesce(sum(misses.missed_tokens), 0) as bigint) as missed_tokens,
    coalesce(sum(misses.rebilled_cost_usd), 0) as rebilled_cost_usd,
    coalesce(sum(misses.extra_cost_usd), 0) as miss_extra_cost_usd
from {{ ref('fact_inference') }} as inferences
inner join {{ ref('dim_model') }} as models on models.model_id = inferences.model_id
-- A miss is about the response, not about its adviser.
left join {{ ref('fact_cache_miss') }} as misses
    on misses.call_id = inferences.call_id and inferences.is_answer
where inferences.called_local_date is not null
group by inferences.called_local_date, models.model_name
