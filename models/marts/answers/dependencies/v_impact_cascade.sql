-- What fails with a dependency: its users, their users and so on. A component can be a dependency itself.
with recursive cascade as (
    select
        dependency_id as root_dependency_id,
        component_id,
        cast(1 as bigint) as depth,
        cast(null as varchar) as through_component_id
    from {{ ref('component_dependency_map') }}
    union
    select
        cascade.root_dependency_id,
        map.component_id,
        cascade.depth + 1 as depth,
        cascade.component_id as through_component_id
    from cascade
    inner join {{ ref('component_dependency_map') }} as map on map.dependency_id = cascade.component_id
    where cascade.depth < 5 and map.component_id <> cascade.root_dependency_id
),

nearest as (
    select
        root_dependency_id,
        component_id,
        min(depth) as depth,
        count(distinct coalesce(through_component_id, '')) as path_count
    from cascade
    group by root_dependency_id, component_id
)

select
    nearest.root_dependency_id as dependency_id,
    dependencies.dependency_name,
    dependencies.dependency_type,
    nearest.component_id,
    components.component_name,
    components.component_type,
    nearest.depth,
    nearest.path_count
from nearest
inner join {{ ref('dim_dependency') }} as dependencies
    on dependencies.dependency_id = nearest.root_dependency_id
inner join {{ ref('dim_component') }} as components on components.component_id = nearest.component_id
