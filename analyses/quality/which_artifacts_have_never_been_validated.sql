-- Which artifacts have never been validated?
-- Days are counted back from the newest action in the store, so that archives work too.
select a.artifact_path, a.created_at
from {{ ref('dim_artifact') }} as a
left join {{ ref('fact_validation') }} as v on v.component_id = a.component_id
where v.validation_id is null
    and a.created_at < (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '7 days'
