-- Breaking changes in dependencies
-- Days are counted back from the newest action in the store, so that archives work too.
select d.dependency_name, sc.detected_at, sc.change_type, sc.affected_components
from {{ ref('fact_schema_change') }} as sc
inner join {{ ref('dim_dependency') }} as d on d.dependency_id = sc.dependency_id
where sc.classification = 'BREAKING'
    and sc.detected_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '7 days'
