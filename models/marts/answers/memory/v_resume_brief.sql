{{ config(materialized='table') }}

with sessions as (
    select
        session_id,
        project_path,
        project_name,
        working_dir,
        title,
        git_branch,
        ended_at,
        end_reason,
        max(ended_at) over (partition by project_path) as project_ended_at
    from {{ ref('dim_session') }}
),

-- Prompts of people, with the response. Prompts of machines are not tasks to resume.
prompts as (
    select
        prompt_id,
        session_id,
        prompted_at,
        {{ quoted_prompt('prompt_text') }} as prompt_text,
        {{ quoted_line('last_response_text', 110) }} as response_text
    from {{ ref('v_audit_trail') }}
    where is_human and prompt_text is not null
),

-- An item counts as done if a later session ticked off one with the same words.
ticked as (
    select
        sessions.project_path,
        tasks.task_description,
        max(tasks.completed_at) as completed_at
    from {{ ref('dim_task') }} as tasks
    inner join sessions on sessions.session_id = tasks.session_id
    where tasks.status = 'completed' and tasks.task_source <> 'prompt'
    group by sessions.project_path, tasks.task_description
),

-- The log does not say whether the last prompt of a session was done: it is known to be open only if it was
-- interrupted.
left_tasks as (
    select
        sessions.project_path,
        tasks.task_id,
        tasks.session_id,
        coalesce(tasks.completed_at, tasks.created_at) as happened_at,
        case
            when tasks.task_source = 'prompt' then 'interrupted'
            else replace(tasks.status, '_', ' ')
        end || ': '
        || coalesce(prompts.prompt_text, {{ quoted_line('tasks.task_description', 200) }}) as brief,
        row_number() over (
            partition by sessions.project_path, tasks.task_source, tasks.task_description
            order by coalesce(tasks.completed_at, tasks.created_at) desc nulls last, tasks.task_id
        ) as recency
    from {{ ref('dim_task') }} as tasks
    inner join sessions on sessions.session_id = tasks.session_id
    left join prompts on prompts.prompt_id = tasks.task_id
    left join ticked
        on ticked.project_path = sessions.project_path and ticked.task_description = tasks.task_description
    where
        tasks.status in ('in_progress', 'pending') and tasks.task_description is not null
        and (
            tasks.task_source <> 'prompt'
            or (prompts.prompt_id is not null and sessions.end_reason = 'interrupted')
        )
        -- The slowest of 1,032 items of the corpus that were ticked off took 13 hours.
        and sessions.ended_at >= sessions.project_ended_at
        - interval '{{ var('open_item_days', 1) }} days'
        and coalesce(ticked.completed_at < tasks.created_at, true)
),

-- Two sessions that wrote down the same item left one thing to do.
open_tasks as (
    select * exclude (recency) from left_tasks
    where recency = 1
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
    from {{ ref('fact_tool_invocation') }} as calls
    inner join sessions on sessions.session_id = calls.session_id
    where
        calls.tool_name in ('Edit', 'MultiEdit', 'Write', 'NotebookEdit') and calls.status = 'ok'
        -- The client keeps plans in this folder.
        and calls.target not like '%/.claude/plans/%'
    group by all
),

-- The choice of a model, and whether to plan, are not decisions about the work.
decisions as (
    select
        project_path,
        session_id,
        task_id,
        coalesce(decided_at, asked_at) as happened_at,
        decision_kind,
        was_rejected,
        case
            when decision_kind = 'plan'
                -- A plan that is titled only “Plan” says nothing.
                then 'plan ' || {{ quoted_line("nullif(nullif(" ~ regex_group(
                    'left(context_text, 1000)', '(?s)^[\\s#]*(?:Plan: *)?([^\\n]*)'
                ) ~ ", 'Plan'), '')", 120) }}
            else {{ quoted_line('context_text', 140) }}
        end as subject,
        {{ quoted_line('option_chosen', 100) }} as choice,
        case
            when rationale_source = 'user' and rationale <> option_chosen
                then ' – ' || {{ quoted_line('rationale', 100) }}
            else ''
        end as reason,
        -- Whether it was asked again, or another plan was approved instead.
        retried or coalesce(
            decision_kind = 'plan'
            and decided_at < max(case when decision_kind = 'plan' and not was_rejected then decided_at end)
                over (partition by session_id),
            false
        ) as is_settled
    from {{ ref('v_decision_history') }}
    where decided_by = 'user' and decision_kind in ('question', 'plan', 'permission')
),

-- Where the same question was asked twice, the last answer counts.
taken as (
    select
        *,
        row_number() over (
            partition by project_path, subject order by happened_at desc nulls last, session_id, choice
        ) as recency
    from decisions
    where not was_rejected and decision_kind <> 'permission'
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
        {{ quoted_line('title', 120) }} || coalesce(' (branch ' || git_branch || ')', '')
        || case when end_reason = 'unknown' then '' else ', ended: ' || end_reason end as brief,
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
        null,
        prompts.prompt_text || ' -> ' || prompts.response_text,
        1
    from prompts
    inner join sessions on sessions.session_id = prompts.session_id
    anti join open_tasks on open_tasks.task_id = prompts.prompt_id
    union all
    select project_path, 3, 'open_task', happened_at, session_id, task_id, null, brief, 6
    from open_tasks
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
        4
    from edits
    union all
    select
        project_path,
        5,
        'still_failing',
        last_failed_at,
        session_id,
        null,
        null,
        failure_type || ' ' || {{ quoted_line('target', 120) }} || ' failed '
        || cast(failure_count as varchar) || case when failure_count = 1 then ' time' else ' times' end
        || coalesce(': ' || failure_text, ''),
        5
    from {{ ref('v_still_failing') }}
    union all
    select
        project_path,
        6,
        'last_failure',
        failed_at,
        session_id,
        task_id,
        null,
        replace(failure_reason, '_', ' ') || ' in ' || left(task_text, 110)
        || case when length(task_text) > 110 then '"' else '' end || ': ' || failure_text,
        4
    from {{ ref('v_unresolved_failure') }}
    union all
    select
        project_path,
        7,
        'last_decision',
        happened_at,
        session_id,
        task_id,
        null,
        subject || ' -> ' || case when decision_kind = 'plan' then 'approved' else choice end || reason,
        4
    from taken
    where recency = 1
    union all
    -- A declined question is not a rejection, and a call refused without a reason says nothing.
    select
        project_path,
        8,
        'rejected',
        happened_at,
        session_id,
        task_id,
        null,
        subject || ' -> rejected' || reason,
        4
    from decisions
    where
        was_rejected and not is_settled
        and (decision_kind = 'plan' or (decision_kind = 'permission' and reason <> ''))
),

-- A line without words, session or time is no evidence, and very old lines are not unfinished work.
evident as (
    select
        lines.*,
        row_number() over (
            partition by lines.project_path, lines.section_order
            order by
                lines.happened_at desc, lines.session_id, coalesce(lines.task_id, ''),
                coalesce(lines.file_path, ''), lines.brief
        ) as place
    from lines
    inner join (select distinct project_path, project_ended_at from sessions) as projects
        on projects.project_path = lines.project_path
    where
        lines.brief is not null and lines.session_id is not null
        and lines.happened_at >= projects.project_ended_at - interval '{{ var('brief_days', 60) }} days'
),

-- A brief with only the last session and prompt says no more than the list of sessions.
telling as (
    select distinct project_path from evident
    where section not in ('last_session', 'last_prompt')
)

select
    evident.project_path,
    row_number() over (partition by evident.project_path order by evident.section_order, evident.place)
        as line_number,
    projects.project_name,
    evident.section,
    evident.happened_at,
    evident.session_id,
    evident.task_id,
    evident.file_path,
    {{ cut_text("replace(evident.brief, evident.project_path || '/', '')", 260) }} as brief
from evident
semi join telling on telling.project_path = evident.project_path
inner join (
    select project_path, min(project_name) as project_name from sessions
    group by project_path
) as projects
    on projects.project_path = evident.project_path
where evident.place <= evident.most_lines
