{{ config(materialized='view') }}

select
    responses.response_id,
    responses.prompt_id,
    responses.session_id,
    responses.agent_id,
    responses.model_id,
    responses.responded_at,
    sessions.project_name,
    sessions.user_id,
    models.model_name,
    responses.finish_reason,
    responses.safety_flags,
    prompts.prompt_text,
    responses.response_text,
    responses._source_path,
    responses._source_line
from {{ ref('fact_response') }} as responses
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = responses.session_id
left join {{ ref('fact_prompt') }} as prompts on prompts.prompt_id = responses.prompt_id
left join {{ ref('dim_model') }} as models on models.model_id = responses.model_id
where responses.safety_flags is not null
