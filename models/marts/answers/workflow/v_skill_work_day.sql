select
    cast({{ local_time('runs.invoked_at') }} as date) as usage_date,
    runs.session_id,
    coalesce(models.model_name, 'none') as model_name,
    {{ shown_agent('agents') }} as agent_name,
    runs.skill_name,
    cast(count(*) as bigint) as invocation_count,
    cast(count(*) filter (where not runs.success) as bigint) as failed_invocation_count,
    cast(sum(runs.response_count) as bigint) as response_count,
    cast(coalesce(sum(runs.total_tokens), 0) as bigint) as total_tokens,
    sum(runs.cost_usd) as work_cost_usd
from {{ ref('fact_skill_invocation') }} as runs
inner join {{ ref('dim_agent') }} as agents on agents.agent_id = runs.agent_id
left join {{ ref('dim_model') }} as models on models.model_id = runs.model_id
where runs.skill_name is not null
group by all
