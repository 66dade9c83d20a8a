-- Has this strategy improved over time?
-- Counted back from the newest action in the store, so that an archive answers too.
-- Put a strategy in the place of the inner query, which takes the commonest one.
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
