select
    misses.session_id,
    misses.call_id,
    misses.missed_at,
    misses.cause,
    {{ cache_miss_advice('misses.cause') }} as suggestion,
    misses.gap_seconds,
    misses.missed_tokens,
    misses.rebilled_cost_usd,
    misses.extra_cost_usd,
    row_number() over (
        partition by misses.session_id order by round(misses.extra_cost_usd, 12) desc, misses.call_id
    ) as cost_rank,
    cast(sum(misses.missed_tokens) over those_below as bigint) as rest_missed_tokens,
    sum(misses.extra_cost_usd) over those_below as rest_extra_cost_usd,
    misses._source_path,
    misses._source_line
from {{ ref('fact_cache_miss') }} as misses
window those_below as (
    partition by misses.session_id order by round(misses.extra_cost_usd, 12) desc, misses.call_id
    rows between 1 following and unbounded following
)
