with assignments as (
    select
        assignments.*,
        delegations.parent_task_id as prompt_id
    from {{ ref('fact_work_assignment') }} as assignments
    inner join {{ ref('dim_task') }} as delegations on delegations.task_id = assignments.work_id
    where delegations.task_source = 'delegation'
),

runs as (
    select
        agent_run_id,
        sum(cost_usd) as cost_usd,
        sum(total_tokens) as total_tokens
    from {{ ref('fact_api_call') }}
    where agent_run_id is not null
    group by agent_run_id
),

edits as (
    select
        task_id as prompt_id,
        sum(lines_added + lines_deleted) as changed_lines,
        coalesce(sum(lines_added + lines_deleted) filter (where agent_run_id is not null), 0)
            as subagent_changed_lines
    from {{ ref('fact_file_modification') }}
    group by task_id
),

delegated as (
    select
        assignments.prompt_id,
        count(*) as delegation_count,
        count(distinct assignments.agent_id) as agent_count,
        count(*) filter (where assignments.status = 'completed') as completed_count,
        count(runs.agent_run_id) as measured_count,
        sum(runs.cost_usd) as subagent_cost_usd,
        sum(runs.total_tokens) as subagent_tokens
    from assignments
    left join runs on runs.agent_run_id = assignments.agent_run_id
    where assignments.prompt_id is not null
    group by assignments.prompt_id
),

-- Cost of a prompt of the same type without delegation.
alone as (
    select
        tasks.task_type,
        median(prompts.caused_cost_usd) as median_cost_usd,
        avg(cast(outcomes.success as integer)) as success_ratio
    from {{ ref('fact_prompt') }} as prompts
    inner join {{ ref('dim_task') }} as tasks on tasks.task_id = prompts.prompt_id
    left join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = prompts.prompt_id
    where prompts.is_human and prompts.prompt_id not in (select prompt_id from delegated)
    group by tasks.task_type
)

select
    delegated.prompt_id,
    prompts.session_id,
    sessions.project_name,
    tasks.task_type,
    outcomes.success,
    outcomes.success_basis,
    prompts.prompted_at,
    cast(delegated.delegation_count as bigint) as delegation_count,
    cast(delegated.agent_count as bigint) as agent_count,
    cast(delegated.completed_count as bigint) as completed_count,
    cast(delegated.measured_count as bigint) as measured_count,
    delegated.subagent_cost_usd,
    prompts.caused_cost_usd as cost_usd,
    cast(delegated.subagent_tokens as bigint) as subagent_tokens,
    -- If the lines of an agent are not in the store, its changes are not known.
    cast(case when edits.prompt_id is null then 0 else edits.changed_lines end as bigint) as changed_lines,
    cast(case
        when delegated.measured_count > 0
            then case when edits.prompt_id is null then 0 else edits.subagent_changed_lines end
    end as bigint) as subagent_changed_lines,
    alone.median_cost_usd as alone_median_cost_usd,
    alone.success_ratio as alone_success_ratio
from delegated
inner join {{ ref('fact_prompt') }} as prompts on prompts.prompt_id = delegated.prompt_id
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = prompts.session_id
inner join {{ ref('dim_task') }} as tasks on tasks.task_id = delegated.prompt_id
left join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = delegated.prompt_id
left join edits on edits.prompt_id = delegated.prompt_id
left join alone on alone.task_type = tasks.task_type
