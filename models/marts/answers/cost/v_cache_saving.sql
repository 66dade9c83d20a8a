{{ config(materialized='view') }}

with calls as (
    select
        cast(date_trunc('month', calls.called_local_date) as date) as usage_month,
        models.model_name,
        count(*) filter (where calls.is_answer) as response_count,
        sum(calls.cache_read_tokens) as cache_read_tokens,
        sum(calls.cache_write_5m_tokens + calls.cache_write_1h_tokens) as cache_write_tokens,
        sum(calls.uncached_prefix_cost_usd) as uncached_prefix_cost_usd,
        sum(calls.cache_read_cost_usd) as cache_read_cost_usd,
        sum(calls.cache_write_5m_cost_usd + calls.cache_write_1h_cost_usd) as cache_write_cost_usd
    from {{ ref('fact_inference') }} as calls
    inner join {{ ref('dim_model') }} as models on models.model_id = calls.model_id
    where calls.called_local_date is not null
    group by all
),

misses as (
    select
        usage_month,
        model_name,
        sum(extra_cost_usd) as missed_usd
    from {{ ref('v_cache_miss') }}
    group by all
)

select
    calls.usage_month,
    calls.model_name,
    cast(calls.response_count as bigint) as response_count,
    cast(calls.cache_read_tokens as bigint) as cache_read_tokens,
    cast(calls.cache_write_tokens as bigint) as cache_write_tokens,
    calls.uncached_prefix_cost_usd,
    calls.cache_read_cost_usd,
    calls.cache_write_cost_usd,
    calls.uncached_prefix_cost_usd - calls.cache_read_cost_usd - calls.cache_write_cost_usd as saved_usd,
    -- Without a price nothing is known of what a miss cost.
    case when calls.uncached_prefix_cost_usd is not null then coalesce(misses.missed_usd, 0) end as missed_usd
from calls
left join misses on misses.usage_month = calls.usage_month and misses.model_name = calls.model_name
