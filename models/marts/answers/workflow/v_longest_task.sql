{{ config(materialized='view') }}

-- What ranks is the work: a task that lay overnight waiting for an answer is not a long one.
with tasks as (
    select
        prompts.prompt_id as task_id,
        prompts.session_id,
        tasks.task_type,
        tasks.status,
        left(tasks.task_description, 200) as task_description,
        prompts.prompted_at as started_at,
        prompts.ended_at,
        prompts.working_seconds,
        prompts.elapsed_seconds,
        prompts.tool_call_count,
        prompts.subagent_count,
        prompts.caused_cost_usd as cost_usd
    from {{ ref('fact_prompt') }} as prompts
    inner join {{ ref('dim_task') }} as tasks on tasks.task_id = prompts.prompt_id
    where prompts.is_human and prompts.ended_at is not null
)

select
    tasks.task_id,
    tasks.session_id,
    sessions.project_name,
    tasks.task_type,
    tasks.status,
    tasks.task_description,
    tasks.started_at,
    tasks.ended_at,
    cast(row_number() over (order by tasks.working_seconds desc, tasks.task_id) as bigint) as longest_rank,
    cast(row_number() over (partition by tasks.task_type order by tasks.working_seconds desc, tasks.task_id) as bigint) as rank_in_type,
    tasks.working_seconds,
    tasks.elapsed_seconds,
    cast(median(tasks.working_seconds) over (partition by tasks.task_type) as double) as type_median_seconds,
    tasks.tool_call_count,
    tasks.subagent_count,
    tasks.cost_usd
from tasks
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = tasks.session_id
