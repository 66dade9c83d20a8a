{{ config(materialized='view') }}

-- Calls and results of its tools, their definitions, and what the server itself put into contexts: lists and instructions.
with components as (
    select
        component_id,
        {{ mcp_server('component_type', 'component_name') }} as mcp_server
    from {{ ref('dim_component') }}
    where component_type in ('mcp_server', 'tool')
)

select
    components.mcp_server,
    {{ allocation_measures('allocations') }}
from {{ ref('fact_cost_allocation') }} as allocations
inner join components on components.component_id = allocations.component_id
where allocations.basis = 'context' and components.mcp_server is not null
group by components.mcp_server
