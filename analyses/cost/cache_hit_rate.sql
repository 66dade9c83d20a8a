-- Cache hit rate (cost savings)
-- Days are counted back from the newest action in the store, so that archives work too.
select
    date_trunc('day', called_at) as day,
    sum(input_tokens) as total_input,
    sum(cached_tokens) as total_cached,
    cast(sum(cached_tokens) as real) / sum(input_tokens) as cache_hit_rate
from {{ ref('fact_api_call') }}
where called_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '30 days'
group by day
order by day
