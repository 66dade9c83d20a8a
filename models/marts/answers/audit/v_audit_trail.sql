with last_answers as (
    select
        prompt_id,
        max_by(response_text, (responded_at, response_id)) filter (where response_text is not null)
            as last_response_text,
        max_by(finish_reason, (responded_at, response_id)) as last_finish_reason,
        count(safety_flags) as refusal_count
    from {{ ref('fact_response') }}
    group by prompt_id
),

feedback as (
    select
        prompt_id,
        {{ distinct_texts('feedback_type') }} as feedback_types
    from {{ ref('fact_prompt_feedback') }}
    group by prompt_id
)

select
    prompts.user_id,
    cast({{ local_time('prompts.prompted_at') }} as date) as prompted_local_date,
    prompts.prompt_id,
    prompts.session_id,
    prompts.model_id,
    prompts.prompted_at,
    sessions.project_name,
    sessions.host,
    models.model_name,
    prompts.prompt_origin,
    prompts.permission_mode,
    prompts.prompt_text,
    last_answers.last_response_text,
    last_answers.last_finish_reason,
    feedback.feedback_types,
    prompts.is_human,
    prompts.was_interrupted,
    prompts.response_count,
    prompts.tool_call_count,
    cast(coalesce(last_answers.refusal_count, 0) as bigint) as refusal_count,
    prompts.caused_tokens,
    prompts.caused_cost_usd,
    prompts._source_path,
    prompts._source_line
from {{ ref('fact_prompt') }} as prompts
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = prompts.session_id
left join {{ ref('dim_model') }} as models on models.model_id = prompts.model_id
left join last_answers on last_answers.prompt_id = prompts.prompt_id
left join feedback on feedback.prompt_id = prompts.prompt_id
