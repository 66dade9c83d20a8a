{{ config(materialized='table') }}

with prompts as (
    select
        prompt_id,
        session_id,
        {{ quoted_prompt('prompt_text') }} as prompt_text,
        lead({{ quoted_prompt('prompt_text') }}) over (
            partition by session_id order by prompted_at, prompt_id
        ) as next_prompt_text
    from {{ ref('v_audit_trail') }}
    where is_human and prompt_text is not null
),

-- The last failed call of a prompt, and the last one that a person refused.
errors as (
    select
        prompt_id,
        max_by(
            tool_name || coalesce(' ' || {{ quoted_line('target', 120) }}, '') || ': '
            || {{ quoted_line(regex_remove('left(error_text, 600)', '</?tool_use_error>'), 160) }},
            (invoked_at, invocation_id)
        ) filter (where status = 'error') as error_call,
        max_by(
            tool_name || coalesce(' ' || {{ quoted_line('target', 120) }}, '')
            || coalesce(' – ' || {{ quoted_line('user_feedback', 120) }}, ''),
            (invoked_at, invocation_id)
        ) filter (where error_type = 'denied_user') as refused_call
    from {{ ref('fact_tool_invocation') }}
    where prompt_id is not null and status <> 'ok'
    group by prompt_id
),

failed_tests as (
    select
        task_id,
        max_by(
            {{ quoted_line('command', 160) }} || coalesce(', ' || cast(failed as varchar) || ' failed', ''),
            (ran_at, run_id)
        ) as test_text
    from {{ ref('fact_test_run') }}
    where outcome = 'failed' and task_id is not null
    group by task_id
),

-- When something last succeeded in a session, or the person moved on to other work: older failures are
-- closed.
successes as (
    select session_id, max(completed_at) as succeeded_at
    from {{ ref('fact_task_outcome') }}
    where success or success_basis = 'moved_on'
    group by session_id
),

told as (
    select
        tasks.task_id,
        tasks.session_id,
        outcomes.completed_at as failed_at,
        outcomes.failure_reason,
        coalesce(prompts.prompt_text, {{ quoted_line('tasks.task_description', 200) }}) as task_text,
        case
            when outcomes.failure_reason = 'tests_failed' then failed_tests.test_text
            when outcomes.failure_reason = 'rejected_by_user' then errors.refused_call
            when
                outcomes.failure_reason in (
                    'corrected_by_user', 'asked_again', 'symptom_reported', 'interrupted_by_user'
                )
                then 'the next prompt was ' || prompts.next_prompt_text
            else coalesce(errors.error_call, failed_tests.test_text)
        end as failure_text
    from {{ ref('fact_task_outcome') }} as outcomes
    inner join {{ ref('dim_task') }} as tasks on tasks.task_id = outcomes.task_id
    left join prompts on prompts.prompt_id = tasks.task_id
    left join errors on errors.prompt_id = tasks.task_id
    left join failed_tests on failed_tests.task_id = tasks.task_id
    left join successes on successes.session_id = tasks.session_id
    where
        not outcomes.success and tasks.task_description is not null
        and (tasks.task_source = 'delegation' or prompts.prompt_id is not null)
        and coalesce(outcomes.completed_at >= successes.succeeded_at, true)
)

-- A failure without any text to show is not actionable.
select
    told.task_id,
    told.session_id,
    sessions.project_path,
    told.failed_at,
    told.failure_reason,
    told.task_text,
    told.failure_text
from told
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = told.session_id
where told.failure_text is not null
