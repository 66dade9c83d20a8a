-- Cascade analysis: what breaks if this dependency fails?
-- The inner query selects the dependency with the most dependents: replace it with one of your choice.
with recursive impact as (
    -- Base: direct dependents
    select c.component_id, c.component_name, 1 as depth
    from {{ ref('component_dependency_map') }} as cdm
    inner join {{ ref('dim_component') }} as c on c.component_id = cdm.component_id
    where
        cdm.dependency_id = (
            select dependency_id
            from {{ ref('component_dependency_map') }}
            group by dependency_id
            order by count(*) desc, dependency_id
            limit 1
        )

    union

    -- Recursive: components that depend on dependents
    select c2.component_id, c2.component_name, impact.depth + 1
    from impact
    inner join {{ ref('component_dependency_map') }} as cdm2 on cdm2.dependency_id = impact.component_id
    inner join {{ ref('dim_component') }} as c2 on c2.component_id = cdm2.component_id
    where impact.depth < 5  -- max depth
)

select component_name, depth from impact
order by depth, component_name
