-- Has this strategy improved over time?
-- Days are counted back from the newest action in the store, so that archives work too.
-- The inner query selects the most frequent strategy: replace it with one of your choice.
select
    date_trunc('week', attempted_at) as week,
    avg(cast(success as integer)) as success_rate
from {{ ref('fact_strategy_attempt') }}
where
    strategy_name = (
        select strategy_name
        from {{ ref('fact_strategy_attempt') }}
        group by strategy_name
        order by count(*) desc, strategy_name
        limit 1
    )
    and attempted_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '90 days'
group by week
order by week
