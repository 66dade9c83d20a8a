{{ config(materialized='view') }}

select
    components.plugin_name,
    {{ allocation_measures('allocations') }}
from {{ ref('fact_cost_allocation') }} as allocations
inner join {{ ref('dim_component') }} as components on components.component_id = allocations.component_id
where allocations.basis = 'context' and components.plugin_name is not null
group by components.plugin_name
