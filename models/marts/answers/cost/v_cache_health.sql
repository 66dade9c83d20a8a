-- The cause of a miss is known only while the lines of the call are in the store.
with reasons as (
    select
        cast({{ local_time('misses.missed_at') }} as date) as usage_date,
        models.model_name,
        {{ distinct_texts('misses.cause') }} as cache_miss_reasons
    from {{ ref('fact_cache_miss') }} as misses
    inner join {{ ref('dim_model') }} as models on models.model_id = misses.model_id
    group by all
),

days as (
    select
        usage_date,
        model_name,
        sum(response_count) as response_count,
        sum(uncached_input_tokens) as uncached_input_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(cache_write_5m_tokens) as cache_write_5m_tokens,
        sum(cache_write_1h_tokens) as cache_write_1h_tokens,
        sum(cache_write_5m_tokens + cache_write_1h_tokens) as cache_write_tokens,
        sum(cache_miss_count) as cache_miss_count,
        sum(cache_read_cost_usd) as cache_read_cost_usd,
        sum(cache_write_cost_usd) as cache_write_cost_usd,
        sum(cache_saved_usd) as saved_usd,
        sum(missed_tokens) as missed_tokens,
        sum(rebilled_cost_usd) as rebilled_cost_usd,
        sum(miss_extra_cost_usd) as miss_extra_cost_usd
    from {{ ref('v_spending') }}
    where usage_date is not null and inference_count > 0
    group by all
)

select
    days.usage_date,
    days.model_name,
    cast(days.response_count as bigint) as response_count,
    cast(days.uncached_input_tokens as bigint) as uncached_input_tokens,
    cast(days.cache_read_tokens as bigint) as cache_read_tokens,
    cast(days.cache_write_5m_tokens as bigint) as cache_write_5m_tokens,
    cast(days.cache_write_1h_tokens as bigint) as cache_write_1h_tokens,
    cast(days.cache_write_tokens as bigint) as cache_write_tokens,
    days.cache_read_tokens
    / nullif(days.uncached_input_tokens + days.cache_read_tokens + days.cache_write_tokens, 0)
        as cache_hit_ratio,
    cast(days.cache_miss_count as bigint) as cache_miss_count,
    reasons.cache_miss_reasons,
    days.cache_read_cost_usd,
    days.cache_write_cost_usd,
    days.saved_usd,
    cast(days.missed_tokens as bigint) as missed_tokens,
    days.rebilled_cost_usd,
    days.miss_extra_cost_usd
from days
left join reasons on reasons.usage_date = days.usage_date and reasons.model_name = days.model_name
