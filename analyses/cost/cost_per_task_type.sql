-- Cost per task type
-- Days are counted back from the newest action in the store, so that archives work too.
select
    t.task_type,
    sum(ca.cost_usd) as total_cost,
    count(distinct ca.session_id) as sessions,
    sum(ca.cost_usd) / count(distinct ca.session_id) as cost_per_session
from {{ ref('fact_cost_allocation') }} as ca
inner join {{ ref('dim_component') }} as c on c.component_id = ca.component_id
inner join {{ ref('dim_task') }} as t on t.task_id = ca.component_id  -- assuming component maps to task
where ca.allocated_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '30 days'
group by t.task_type
order by total_cost desc
