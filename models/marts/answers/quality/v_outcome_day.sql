-- Tasks, test runs and fix loops belong to the model of their prompt.
with prompts as (
    select prompt_id, model_id
    from {{ ref('fact_prompt') }}
),

events as (
    select
        outcomes.completed_at as happened_at,
        outcomes.session_id,
        outcomes.agent_id,
        prompts.model_id,
        'task' as event_kind,
        case when outcomes.success then 'good' when not outcomes.success then 'bad' end as result,
        cast(null as double) as cost_usd
    from {{ ref('fact_task_outcome') }} as outcomes
    inner join prompts on prompts.prompt_id = outcomes.task_id
    union all
    select
        runs.ran_at,
        runs.session_id,
        runs.agent_id,
        prompts.model_id,
        'test_run',
        case runs.outcome when 'passed' then 'good' when 'failed' then 'bad' end,
        null
    from {{ ref('fact_test_run') }} as runs
    left join prompts on prompts.prompt_id = runs.prompt_id
    union all
    select
        loops.started_at,
        loops.session_id,
        measurements.agent_id,
        prompts.model_id,
        'fix_loop',
        case when loops.is_fixed then 'good' else 'bad' end,
        loops.cost_usd
    from {{ ref('v_fix_loop') }} as loops
    inner join {{ ref('fact_quality_measurement') }} as measurements
        on measurements.measurement_id = loops.measurement_id
    left join prompts on prompts.prompt_id = measurements.prompt_id
)

select
    cast({{ local_time('events.happened_at') }} as date) as usage_date,
    events.session_id,
    coalesce(models.model_name, 'none') as model_name,
    coalesce({{ shown_agent('agents') }}, 'unknown') as agent_name,
    cast(count(*) filter (where events.event_kind = 'task') as bigint) as task_count,
    cast(count(*) filter (where events.event_kind = 'task' and events.result = 'good') as bigint)
        as successful_task_count,
    cast(count(*) filter (where events.event_kind = 'task' and events.result = 'bad') as bigint)
        as failed_task_count,
    cast(count(*) filter (where events.event_kind = 'test_run') as bigint) as test_run_count,
    cast(count(*) filter (where events.event_kind = 'test_run' and events.result = 'good') as bigint)
        as passed_test_run_count,
    cast(count(*) filter (where events.event_kind = 'test_run' and events.result = 'bad') as bigint)
        as failed_test_run_count,
    cast(count(*) filter (where events.event_kind = 'fix_loop') as bigint) as fix_loop_count,
    cast(count(*) filter (where events.event_kind = 'fix_loop' and events.result = 'good') as bigint)
        as fixed_loop_count,
    coalesce(sum(events.cost_usd), 0) as fix_loop_cost_usd
from events
left join {{ ref('dim_agent') }} as agents on agents.agent_id = events.agent_id
left join {{ ref('dim_model') }} as models on models.model_id = events.model_id
where events.session_id is not null
group by all
