-- Results of a skill's runs: whether it loaded, whether the tasks that ran it succeeded, what it cost.
with runs as (
    select
        component_id as skill_id,
        session_id,
        task_id,
        invoked_at,
        success,
        cost_usd
    from {{ ref('fact_skill_invocation') }}
    where component_id is not null
),

loads as (
    select
        skill_id,
        min(invoked_at) as first_used_at,
        max(invoked_at) as last_used_at,
        count(*) as run_count,
        count(distinct session_id) as session_count,
        count(success) as judged_count,
        count(*) filter (where success) as success_count,
        sum(cost_usd) as run_cost_usd
    from runs
    group by skill_id
),

-- A task that ran a skill twice counts once.
tasks as (
    select
        used.skill_id,
        count(outcomes.success) as judged_task_count,
        count(*) filter (where outcomes.success) as successful_task_count
    from (
        select distinct skill_id, task_id from runs
        where task_id is not null
    ) as used
    inner join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = used.task_id
    group by used.skill_id
),

costs as (
    select
        component_id as skill_id,
        sum(cost_usd) as context_cost_usd
    from {{ ref('fact_component_cost') }}
    group by component_id
)

select
    loads.skill_id,
    loads.first_used_at,
    loads.last_used_at,
    loads.run_count,
    loads.session_count,
    loads.success_count / nullif(cast(loads.judged_count as double), 0) as load_success_ratio,
    coalesce(tasks.judged_task_count, 0) as judged_task_count,
    tasks.successful_task_count / nullif(cast(tasks.judged_task_count as double), 0) as task_success_ratio,
    loads.run_cost_usd,
    costs.context_cost_usd
from loads
left join tasks on tasks.skill_id = loads.skill_id
left join costs on costs.skill_id = loads.skill_id
