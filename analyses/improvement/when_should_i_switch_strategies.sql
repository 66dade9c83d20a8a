-- When should I switch strategies?
-- Days are counted back from the newest action in the store, so that archives work too.
-- The inner query selects the busiest agent: replace it with one of your choice.
with strategy_windows as (
    select
        strategy_name,
        success,
        row_number() over (partition by strategy_name order by attempted_at desc) as recency
    from {{ ref('fact_strategy_attempt') }}
    where
        agent_id = (
            select agent_id
            from {{ ref('fact_strategy_attempt') }}
            group by agent_id
            order by count(*) desc, agent_id
            limit 1
        )
        and attempted_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '7 days'
)

select
    strategy_name,
    avg(cast(success as integer)) as recent_success_rate
from strategy_windows
where recency <= 5  -- last 5 attempts
group by strategy_name
having avg(cast(success as integer)) < 0.5
