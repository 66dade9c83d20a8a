{{ config(materialized='table') }}

with sessions as (
    select
        session_id,
        project_path,
        project_name,
        working_dir,
        title,
        git_branch,
        started_at,
        ended_at,
        end_reason,
        max(ended_at) over (partition by project_path) as project_ended_at
    from {{ ref('dim_session') }}
),

-- What people said, and what came back. What machines said is nobody's task, and of a plan that was handed
-- over the person wrote nothing: its heading tells it.
spoken as (
    select
        prompt_id,
        session_id,
        prompted_at,
        case
            when prompt_text like 'Implement the following plan:%'
                then 'approved plan: ' || left({{ one_line(regex_group(
                    'left(prompt_text, 1000)',
                    '(?s)^Implement the following plan:[\\s#]*(?:Plan: *)?([^\\n]*)'
                )) }}, 200)
            else '"' || left({{ one_line('left(prompt_text, 300)') }}, 200) || '"'
        end as prompt_text,
        {{ one_line('left(last_response_text, 300)') }} as last_response_text
    from {{ ref('v_audit_trail') }}
    where is_human and prompt_text is not null
),

prompts as (
    select
        *,
        lead(prompt_text) over (partition by session_id order by prompted_at, prompt_id) as next_prompt_text
    from spoken
),

tasks as (
    select
        tasks.task_id,
        tasks.session_id,
        tasks.status,
        tasks.task_source,
        tasks.created_at,
        tasks.completed_at,
        case
            when tasks.task_source = 'prompt' then prompts.prompt_text
            else '"' || left({{ one_line('left(tasks.task_description, 300)') }}, 200) || '"'
        end as task_text,
        prompts.next_prompt_text,
        sessions.project_path,
        -- Of 1,032 items of the corpus that were ever ticked off, the slowest took 13 hours.
        sessions.ended_at >= sessions.project_ended_at
        - interval '{{ var('open_item_days', 1) }} days' as is_recent
    from {{ ref('dim_task') }} as tasks
    inner join sessions on sessions.session_id = tasks.session_id
    left join prompts on prompts.prompt_id = tasks.task_id
    where
        tasks.task_description is not null
        and (tasks.task_source <> 'prompt' or prompts.prompt_id is not null)
),

calls as (
    select
        *,
        tool_name || coalesce(' ' || left({{ one_line('left(target, 200)') }}, 120), '') as call_text
    from {{ ref('fact_tool_invocation') }}
),

-- The last call of a prompt that went wrong, and the last that a person refused.
errors as (
    select
        prompt_id,
        max_by(
            call_text || ': '
            || left({{ one_line(regex_remove('left(error_text, 300)', '</?tool_use_error>')) }}, 160),
            (invoked_at, invocation_id)
        ) filter (where status = 'error') as error_call,
        max_by(
            call_text || coalesce(' – ' || left({{ one_line('user_feedback') }}, 120), ''),
            (invoked_at, invocation_id)
        ) filter (where error_type = 'denied_user') as refused_call
    from calls
    where prompt_id is not null and status <> 'ok'
    group by prompt_id
),

failed_tests as (
    select
        task_id,
        max_by(
            left({{ one_line('command') }}, 160)
            || coalesce(': ' || cast(failed as varchar) || ' failed', ''), (ran_at, run_id)
        ) as test_text
    from {{ ref('fact_test_run') }}
    where outcome = 'failed' and task_id is not null
    group by task_id
),

-- When something last went well in a session, or the person turned to other work: older failures are closed.
successes as (
    select session_id, max(completed_at) as succeeded_at
    from {{ ref('fact_task_outcome') }}
    where success or success_basis = 'moved_on'
    group by session_id
),

failures as (
    select
        tasks.project_path,
        outcomes.completed_at,
        tasks.session_id,
        tasks.task_id,
        -- A failure that cannot be told in words of its own is none to act on.
        outcomes.failure_reason || ' in ' || left(tasks.task_text, 110) || ': ' || case
            when outcomes.failure_reason = 'tests_failed' then failed_tests.test_text
            when outcomes.failure_reason = 'rejected_by_user' then errors.refused_call
            when
                outcomes.failure_reason in (
                    'corrected_by_user', 'asked_again', 'symptom_reported', 'interrupted_by_user'
                )
                then 'then came ' || left(tasks.next_prompt_text, 170)
            else coalesce(errors.error_call, failed_tests.test_text)
        end as brief
    from {{ ref('fact_task_outcome') }} as outcomes
    inner join tasks on tasks.task_id = outcomes.task_id
    left join errors on errors.prompt_id = tasks.task_id
    left join failed_tests on failed_tests.task_id = tasks.task_id
    left join successes on successes.session_id = tasks.session_id
    where
        not outcomes.success and tasks.task_source <> 'task_list'
        and coalesce(outcomes.completed_at >= successes.succeeded_at, true)
),

edits as (
    select
        sessions.project_path,
        case
            when calls.target like sessions.project_path || '/%'
                then substr(calls.target, length(sessions.project_path) + 2)
            when calls.target like sessions.working_dir || '/%'
                then substr(calls.target, length(sessions.working_dir) + 2)
            else calls.target
        end as short_path,
        calls.target as file_path,
        max(calls.invoked_at) as last_edit_at,
        max_by(calls.session_id, (calls.invoked_at, calls.invocation_id)) as session_id,
        max_by(calls.prompt_id, (calls.invoked_at, calls.invocation_id)) as task_id,
        count(*) as edit_count
    from calls
    inner join sessions on sessions.session_id = calls.session_id
    where calls.tool_name in ('Edit', 'MultiEdit', 'Write', 'NotebookEdit') and calls.status = 'ok'
    group by all
),

lines as (
    select
        project_path,
        1 as section_order,
        'last_session' as section,
        ended_at as happened_at,
        session_id,
        cast(null as varchar) as task_id,
        cast(null as varchar) as file_path,
        {{ one_line('title') }} || coalesce(' (branch ' || git_branch || ')', '') || ', ended: ' || end_reason
            as brief,
        2 as most_lines
    from sessions
    union all
    select
        sessions.project_path,
        2,
        'last_prompt',
        prompts.prompted_at,
        prompts.session_id,
        prompts.prompt_id,
        cast(null as varchar),
        prompts.prompt_text || ' -> ' || left(prompts.last_response_text, 200),
        1
    from prompts
    inner join sessions on sessions.session_id = prompts.session_id
    union all
    select
        project_path,
        3,
        'open_task',
        coalesce(completed_at, created_at),
        session_id,
        task_id,
        cast(null as varchar),
        status || ': ' || task_text,
        8
    from tasks
    where status in ('in_progress', 'pending') and is_recent
    union all
    select
        project_path,
        4,
        'last_edit',
        last_edit_at,
        session_id,
        task_id,
        file_path,
        cast(edit_count as varchar) || case when edit_count = 1 then ' edit of ' else ' edits of ' end
        || short_path,
        6
    from edits
    union all
    select
        project_path,
        5,
        'last_failure',
        completed_at,
        session_id,
        task_id,
        cast(null as varchar),
        brief,
        6
    from failures
    union all
    select
        project_path,
        6,
        'last_decision',
        coalesce(decided_at, asked_at),
        session_id,
        task_id,
        cast(null as varchar),
        left({{ one_line('context_text') }}, 140) || ' -> ' || left({{ one_line('option_chosen') }}, 100)
        || case
            when rationale_source = 'user' and rationale <> option_chosen
                then ' (' || left({{ one_line('rationale') }}, 100) || ')'
            else ''
        end,
        7
    from {{ ref('v_decision_history') }}
    where decided_by = 'user'
),

ranked as (
    select
        *,
        row_number() over (
            partition by project_path, section_order
            order by
                happened_at desc nulls last, session_id, coalesce(task_id, ''), coalesce(file_path, ''), brief
        ) as place
    from lines
    -- A line without its words, its session or its time is no evidence.
    where brief is not null and happened_at is not null and session_id is not null
)

select
    ranked.project_path,
    row_number() over (partition by ranked.project_path order by ranked.section_order, ranked.place)
        as line_number,
    projects.project_name,
    ranked.section,
    ranked.happened_at,
    ranked.session_id,
    ranked.task_id,
    ranked.file_path,
    replace(ranked.brief, ranked.project_path || '/', '') as brief
from ranked
inner join (
    select project_path, min(project_name) as project_name from sessions
    group by project_path
) as projects
    on projects.project_path = ranked.project_path
where ranked.place <= ranked.most_lines
