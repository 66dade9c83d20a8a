-- Changes of what a skill depends on: pages of its sources, and schemas and contracts that it names.
select
    dependencies.skill_id,
    changes.change_id,
    changes.source_id,
    cast(null as varchar) as dependency_id,
    changes.detected_at,
    changes.classification,
    changes.summary
from {{ ref('skill_source_dep') }} as dependencies
inner join {{ ref('fact_change') }} as changes on changes.source_id = dependencies.source_id
union all
select
    map.component_id as skill_id,
    changes.change_id,
    cast(null as varchar) as source_id,
    changes.dependency_id,
    changes.detected_at,
    changes.classification,
    concat(changes.change_type, ': ', changes.element_path) as summary
from {{ ref('component_dependency_map') }} as map
inner join {{ ref('v_dependency_change') }} as changes on changes.dependency_id = map.dependency_id
inner join {{ ref('dim_skill') }} as skills on skills.skill_id = map.component_id
