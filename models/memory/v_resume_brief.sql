with sessions as (
    select session_id, project_path, project_name, title, git_branch, started_at, ended_at, end_reason, is_latest_in_project
    from {{ ref('dim_session') }}
),

tasks as (
    select
        tasks.*,
        sessions.project_path
    from {{ ref('dim_task') }} as tasks
    inner join sessions on sessions.session_id = tasks.session_id
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
        coalesce(title, 'no title') || coalesce(' (branch ' || git_branch || ')', '') || ', ended: ' || end_reason as brief,
        2 as most_lines
    from sessions
    union all
    select
        project_path,
        2,
        'open_task',
        coalesce(completed_at, created_at),
        session_id,
        task_id,
        cast(null as varchar),
        status || ': ' || left(replace(task_description, chr(10), ' '), 200),
        8
    from tasks
    where status in ('in_progress', 'pending') and task_description is not null
    union all
    select
        tries.project_path,
        3,
        'last_edit',
        tries.last_action_at,
        tries.session_id,
        tries.task_id,
        tries.file_path,
        cast(tries.edit_count as varchar) || case when tries.edit_count = 1 then ' edit of ' else ' edits of ' end || tries.file_path,
        7
    from (
        select
            sessions.project_path,
            actions.target_path as file_path,
            max(actions.action_at) as last_action_at,
            max_by(actions.session_id, (actions.action_at, actions.action_id)) as session_id,
            max_by(actions.task_id, (actions.action_at, actions.action_id)) as task_id,
            count(*) as edit_count
        from {{ ref('fact_agent_action') }} as actions
        inner join sessions on sessions.session_id = actions.session_id
        where actions.tool_name in ('Edit', 'MultiEdit', 'Write', 'NotebookEdit') and actions.status = 'ok'
        group by sessions.project_path, actions.target_path
    ) as tries
    union all
    select
        tasks.project_path,
        4,
        'last_failure',
        outcomes.completed_at,
        tasks.session_id,
        tasks.task_id,
        cast(null as varchar),
        outcomes.failure_reason || ': ' || left(replace(tasks.task_description, chr(10), ' '), 200),
        6
    from {{ ref('fact_task_outcome') }} as outcomes
    inner join tasks on tasks.task_id = outcomes.task_id
    where not outcomes.success and tasks.task_source <> 'task_list' and tasks.task_description is not null
    union all
    select
        sessions.project_path,
        5,
        'last_decision',
        coalesce(decisions.decided_at, decisions.asked_at),
        decisions.session_id,
        decisions.task_id,
        cast(null as varchar),
        left(replace(points.context_text, chr(10), ' '), 140) || ' -> '
        || coalesce(left(replace(decisions.option_chosen, chr(10), ' '), 100), 'no answer'),
        7
    from {{ ref('fact_decision') }} as decisions
    inner join {{ ref('dim_decision_point') }} as points on points.decision_point_id = decisions.decision_point_id
    inner join sessions on sessions.session_id = decisions.session_id
    where decisions.decision_kind in ('question', 'plan', 'permission', 'model')
),

ranked as (
    select
        *,
        row_number() over (
            partition by project_path, section_order
            order by happened_at desc nulls last, session_id, coalesce(task_id, ''), coalesce(file_path, ''), brief
        ) as place
    from lines
)

select
    ranked.project_path,
    row_number() over (partition by ranked.project_path order by ranked.section_order, ranked.place) as line_number,
    projects.project_name,
    ranked.section,
    ranked.happened_at,
    ranked.session_id,
    ranked.task_id,
    ranked.file_path,
    ranked.brief
from ranked
inner join (select project_path, min(project_name) as project_name from sessions group by project_path) as projects
    on projects.project_path = ranked.project_path
where ranked.place <= ranked.most_lines
