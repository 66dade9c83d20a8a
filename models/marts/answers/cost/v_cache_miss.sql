select
    cast(date_trunc('month', {{ local_time('misses.missed_at') }}) as date) as usage_month,
    models.model_name,
    misses.cause,
    misses.cause_basis,
    {{ cache_miss_advice('misses.cause') }} as suggestion,
    cast(count(*) as bigint) as miss_count,
    cast(count(distinct misses.session_id) as bigint) as session_count,
    cast(sum(misses.missed_tokens) as bigint) as missed_tokens,
    cast(median(misses.gap_seconds) as double) as median_gap_seconds,
    sum(misses.rebilled_cost_usd) as rebilled_cost_usd,
    sum(misses.extra_cost_usd) as extra_cost_usd
from {{ ref('fact_cache_miss') }} as misses
inner join {{ ref('dim_model') }} as models on models.model_id = misses.model_id
where misses.missed_at is not null
group by all
