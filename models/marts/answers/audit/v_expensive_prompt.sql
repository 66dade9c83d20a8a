select
    prompts.prompt_id,
    prompts.session_id,
    prompts.prompted_at,
    sessions.project_name,
    prompts.user_id,
    models.model_name,
    prompts.prompt_origin,
    left({{ readable_prompt('prompts.prompt_text') }}, 300) as prompt_text,
    tasks.task_type,
    outcomes.success_basis,
    outcomes.success,
    row_number() over (order by round(prompts.caused_cost_usd, 12) desc nulls last, prompts.prompt_id)
        as cost_rank,
    prompts.response_count,
    prompts.subagent_count,
    prompts.tool_call_count,
    prompts.tool_error_count,
    prompts.caused_output_tokens,
    prompts.caused_tokens,
    prompts.estimated_cost_usd as sending_cost_usd,
    prompts.caused_cost_usd,
    prompts.caused_cost_usd / nullif(sum(prompts.caused_cost_usd) over (), 0) as cost_share,
    prompts._source_path,
    prompts._source_line
from {{ ref('fact_prompt') }} as prompts
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = prompts.session_id
left join {{ ref('dim_model') }} as models on models.model_id = prompts.model_id
left join {{ ref('dim_task') }} as tasks on tasks.task_id = prompts.prompt_id
left join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = prompts.prompt_id
where prompts.response_count > 0
