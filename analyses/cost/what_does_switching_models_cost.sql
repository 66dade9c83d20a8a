-- What did switching models in mid-session cost in cache writes, as estimated by the client?
select
    from_model,
    to_model,
    switch_source,
    count(*) as switch_count,
    count(*) filter (where was_cache_warm) as warm_switch_count,
    round(sum(estimated_cache_write_usd), 2) as estimated_cache_write_usd
from {{ ref('fact_model_switch') }}
group by from_model, to_model, switch_source
order by estimated_cache_write_usd desc nulls last, from_model, to_model
