{{ config(materialized='view') }}

select
    components.component_name as skill_name,
    {{ allocation_measures('allocations') }}
from {{ ref('fact_cost_allocation') }} as allocations
inner join {{ ref('dim_component') }} as components on components.component_id = allocations.component_id
where allocations.basis = 'context' and components.component_type in ('skill', 'command')
group by components.component_name
