{{ config(materialized='view') }}

-- What agents of a kind spent themselves; and what handing over to them and back cost in the context of who called them.
with returned as (
    select
        components.component_name as agent_name,
        sum(allocations.cost_usd) as return_cost_usd
    from {{ ref('fact_cost_allocation') }} as allocations
    inner join {{ ref('dim_component') }} as components on components.component_id = allocations.component_id
    where allocations.basis = 'context' and components.component_type = 'agent'
    group by components.component_name
)

select
    agents.agent_name,
    agents.agent_type,
    {{ cost_measures('calls') }},
    cast(count(distinct calls.agent_run_id) as bigint) as run_count,
    max(case when agents.agent_type <> 'main' then returned.return_cost_usd end) as return_cost_usd
from {{ ref('fact_api_call') }} as calls
inner join {{ ref('dim_agent') }} as agents on agents.agent_id = calls.agent_id
left join returned on returned.agent_name = agents.agent_name
group by agents.agent_name, agents.agent_type
