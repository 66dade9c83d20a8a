{{ config(materialized='view') }}

-- The cost marts of what is used, side by side: what v_usage shows.
select
    'tool' as usage_type,
    tool_name as used_name,
    cost_usd
from {{ ref('v_cost_by_tool') }}
union all
select 'mcp_server', mcp_server, cost_usd
from {{ ref('v_cost_by_mcp_server') }}
union all
select 'skill', skill_name, cost_usd
from {{ ref('v_cost_by_skill') }}
union all
select 'agent', agent_name, sum(cost_usd)
from {{ ref('v_cost_by_agent') }}
where agent_type <> 'main'
group by agent_name
