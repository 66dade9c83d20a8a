{{ config(materialized='view') }}

select
    tools.mcp_server,
    {{ allocation_measures('allocations') }}
from {{ ref('fact_cost_allocation') }} as allocations
inner join {{ ref('dim_component') }} as components on components.component_id = allocations.component_id
inner join {{ ref('dim_tool') }} as tools on tools.tool_name = components.component_name
where allocations.basis = 'context' and components.component_type = 'tool' and tools.mcp_server is not null
group by tools.mcp_server
