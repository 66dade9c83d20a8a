{{ config(materialized='view') }}

with calls as (
    select
        tool_name,
        count(*) as tool_call_count
    from {{ ref('fact_tool_invocation') }}
    group by tool_name
)

select
    components.component_name as tool_name,
    cast(coalesce(max(calls.tool_call_count), 0) as bigint) as tool_call_count,
    {{ allocation_measures('allocations') }}
from {{ ref('fact_cost_allocation') }} as allocations
inner join {{ ref('dim_component') }} as components on components.component_id = allocations.component_id
left join calls on calls.tool_name = components.component_name
where allocations.basis = 'context' and components.component_type = 'tool'
group by components.component_name
