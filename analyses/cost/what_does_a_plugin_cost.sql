-- What does a plugin cost: in contexts, for the work of its skills, and for its agents?
select
    plugin_name,
    session_count,
    cost_usd as in_contexts,
    work_cost_usd as by_its_skills,
    agent_cost_usd as by_its_agents
from {{ ref('v_cost_by_plugin') }}
order by coalesce(work_cost_usd, 0) + coalesce(agent_cost_usd, 0) desc
