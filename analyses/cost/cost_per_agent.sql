-- Cost per agent
-- Days are counted back from the newest action in the store, so that archives work too.
select
    a.agent_name,
    sum(ac.cost_usd) as total_cost,
    avg(ac.cost_usd) as avg_cost_per_call,
    count(*) as calls
from {{ ref('fact_api_call') }} as ac
inner join {{ ref('dim_agent') }} as a on a.agent_id = ac.agent_id
where ac.called_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '30 days'
group by a.agent_name
order by total_cost desc
