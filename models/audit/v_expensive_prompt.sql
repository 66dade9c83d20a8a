{{ config(materialized='view') }}

select
    prompts.prompt_id,
    prompts.session_id,
    prompts.prompted_at,
    sessions.project_name,
    prompts.user_id,
    models.model_name,
    prompts.prompt_origin,
    -- The client wraps the news of a task that ended in tags: what it says is the summary.
    left(
        case
            when prompts.prompt_text like '<task-notification>%' then coalesce(
                nullif(trim({{ regex_group('prompts.prompt_text', '(?s)<summary>(.*?)</summary>') }}), ''),
                nullif(trim({{ regex_group('prompts.prompt_text', '(?s)<event>(.*?)</event>') }}), ''),
                prompts.prompt_text
            )
            else prompts.prompt_text
        end, 300
    ) as prompt_text,
    tasks.task_type,
    outcomes.success_basis,
    outcomes.success,
    row_number() over (order by prompts.caused_cost_usd desc nulls last, prompts.prompt_id) as cost_rank,
    prompts.response_count,
    prompts.subagent_count,
    prompts.tool_call_count,
    prompts.tool_error_count,
    prompts.caused_output_tokens,
    prompts.caused_tokens,
    prompts.estimated_cost_usd as sending_cost_usd,
    prompts.caused_cost_usd,
    prompts.caused_cost_usd / nullif(sum(prompts.caused_cost_usd) over (), 0) as cost_share
from {{ ref('fact_prompt') }} as prompts
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = prompts.session_id
left join {{ ref('dim_model') }} as models on models.model_id = prompts.model_id
left join {{ ref('dim_task') }} as tasks on tasks.task_id = prompts.prompt_id
left join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = prompts.prompt_id
where prompts.caused_cost_usd is not null
