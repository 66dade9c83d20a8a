-- Which components are affected by this API change?
select c.component_name, c.component_type
from {{ ref('component_dependency_map') }} as cdm
inner join {{ ref('dim_component') }} as c on c.component_id = cdm.component_id
where
    cdm.dependency_id = (
        select dependency_id from {{ ref('dim_dependency') }}
        where dependency_name = 'anthropic_api'
    )
