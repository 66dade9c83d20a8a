-- What a task is judged by when it is compared with others, and what it is compared within.
with feedback as (
    select
        prompt_id as task_id,
        count(*) as feedback_count,
        bool_or(feedback_type = 'correction') as has_correction
    from {{ ref('fact_prompt_feedback') }}
    where feedback_type in ('correction', 'rejection', 'interruption', 'thumbs_down')
    group by prompt_id
),

delegations as (
    select task_id, agent_run_id
    from {{ ref('int_task_end') }}
    where agent_run_id is not null
),

spent as (
    select prompt_id as task_id, model_id, sum(cost_usd) as cost_usd
    from {{ ref('fact_api_call') }}
    where success and model_id is not null
    group by prompt_id, model_id
    union all
    select delegations.task_id, calls.model_id, sum(calls.cost_usd)
    from {{ ref('fact_api_call') }} as calls
    inner join delegations on delegations.agent_run_id = calls.agent_run_id
    where calls.success and calls.model_id is not null
    group by delegations.task_id, calls.model_id
),

main_models as (
    select task_id, max_by(model_id, (coalesce(cost_usd, 0), model_id)) as model_id
    from spent
    group by task_id
)

select
    outcomes.task_id,
    outcomes.session_id,
    outcomes.agent_id,
    main_models.model_id,
    tasks.created_at as started_at,
    outcomes.completed_at,
    tasks.task_source,
    tasks.task_type,
    sessions.project_path,
    sessions.host,
    outcomes.success,
    outcomes.cost_usd,
    outcomes.time_elapsed_seconds as duration_seconds,
    cast(
        case
            when tasks.task_source = 'delegation'
                then case when features.was_given_again then 1 else 0 end
            -- Nobody corrects what was not answered.
            when features.response_count > 0
                then coalesce(feedback.feedback_count, 0)
                + case
                    when features.was_asked_again and not coalesce(feedback.has_correction, false) then 1
                    else 0
                end
        end as bigint
    ) as correction_count,
    outcomes._batch_id
from {{ ref('fact_task_outcome') }} as outcomes
inner join {{ ref('dim_task') }} as tasks on tasks.task_id = outcomes.task_id
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = outcomes.session_id
left join {{ ref('int_task_feature') }} as features on features.task_id = outcomes.task_id
left join feedback on feedback.task_id = outcomes.task_id
left join main_models on main_models.task_id = outcomes.task_id
where tasks.task_source in ('prompt', 'delegation')
