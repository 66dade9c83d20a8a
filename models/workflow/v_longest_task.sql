{{ config(materialized='view') }}

-- A turn ends with the next prompt at the latest: clients that write a session anew give old answers the time of new ones.
with prompts as (
    select
        *,
        case
            when lead(prompted_at) over (partition by session_id order by turn_number) between prompted_at and last_response_at
                then lead(prompted_at) over (partition by session_id order by turn_number)
            else last_response_at
        end as answered_at
    from {{ ref('fact_prompt') }}
),

tasks as (
    select
        prompts.prompt_id as task_id,
        prompts.session_id,
        tasks.task_type,
        tasks.status,
        left(tasks.task_description, 200) as task_description,
        prompts.prompted_at as started_at,
        prompts.answered_at as ended_at,
        {{ ms_between('prompts.prompted_at', 'prompts.answered_at') }} / 1000 as elapsed_seconds,
        prompts.tool_call_count,
        prompts.subagent_count,
        prompts.caused_cost_usd as cost_usd
    from prompts
    inner join {{ ref('dim_task') }} as tasks on tasks.task_id = prompts.prompt_id
    where prompts.is_human and prompts.answered_at >= prompts.prompted_at
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
    cast(row_number() over (order by tasks.elapsed_seconds desc, tasks.task_id) as bigint) as longest_rank,
    cast(row_number() over (partition by tasks.task_type order by tasks.elapsed_seconds desc, tasks.task_id) as bigint) as rank_in_type,
    cast(tasks.elapsed_seconds as double) as elapsed_seconds,
    cast(median(tasks.elapsed_seconds) over (partition by tasks.task_type) as double) as type_median_seconds,
    tasks.tool_call_count,
    tasks.subagent_count,
    tasks.cost_usd
from tasks
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = tasks.session_id
