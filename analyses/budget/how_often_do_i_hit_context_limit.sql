-- How often do I hit context limit?
-- Days are counted back from the newest action in the store, so that archives work too.
select
    date_trunc('day', overflowed_at) as day,
    count(*) as overflow_count,
    avg(tokens_at_overflow) as avg_tokens_at_overflow
from {{ ref('fact_context_overflow') }}
where overflowed_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '30 days'
group by day
order by day
