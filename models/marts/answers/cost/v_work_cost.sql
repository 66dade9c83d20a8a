-- A model is that of most of the dollars, a type of task that of the first prompt.
with calls as (
    select
        calls.session_id,
        calls.agent_run_id,
        calls.workflow_run_id,
        calls.agent_id,
        calls.called_at,
        calls.cost_usd,
        calls.total_tokens,
        models.model_name,
        tasks.task_type
    from {{ ref('fact_api_call') }} as calls
    left join {{ ref('dim_model') }} as models on models.model_id = calls.model_id
    left join {{ ref('dim_task') }} as tasks on tasks.task_id = calls.prompt_id
    where calls.success
),

work as (
    select 'session' as work_kind, session_id as work_id, *
    from calls
    union all
    select 'agent_run' as work_kind, agent_run_id as work_id, *
    from calls
    where agent_run_id is not null
    union all
    select 'workflow_run' as work_kind, workflow_run_id as work_id, *
    from calls
    where workflow_run_id is not null
),

models as (
    select work_kind, work_id, model_name, sum(cost_usd) as cost_usd
    from work
    group by work_kind, work_id, model_name
),

main_models as (
    select work_kind, work_id, max_by(model_name, (coalesce(cost_usd, 0), model_name)) as model_name
    from models
    where model_name is not null
    group by work_kind, work_id
),

summed as (
    select
        work_kind,
        work_id,
        min(session_id) as session_id,
        case work_kind when 'agent_run' then min(agent_id) end as agent_id,
        min_by(task_type, called_at) as task_type,
        min(called_at) as started_at,
        max(called_at) as ended_at,
        count(*) as response_count,
        sum(total_tokens) as total_tokens,
        sum(cost_usd) as cost_usd
    from work
    group by work_kind, work_id
)

select
    summed.work_kind,
    summed.work_id,
    summed.session_id,
    sessions.project_name,
    agents.agent_name,
    main_models.model_name,
    summed.task_type,
    summed.started_at,
    summed.ended_at,
    cast(summed.response_count as bigint) as response_count,
    cast(summed.total_tokens as bigint) as total_tokens,
    cast(summed.cost_usd as double) as cost_usd
from summed
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = summed.session_id
left join {{ ref('dim_agent') }} as agents on agents.agent_id = summed.agent_id
left join main_models on main_models.work_kind = summed.work_kind and main_models.work_id = summed.work_id
