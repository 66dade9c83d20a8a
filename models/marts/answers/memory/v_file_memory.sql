with actions as (
    select *
    from {{ ref('fact_agent_action') }}
    where file_id is not null
),

-- Actions on a file for one task.
tries as (
    select
        file_id,
        task_id,
        session_id,
        max(target_path) as file_path,
        min(action_at) as first_action_at,
        max(action_at) as last_action_at,
        max_by(agent_id, (action_at, action_id)) as agent_id,
        count(*) filter (where tool_name not in ('Edit', 'MultiEdit', 'Write', 'NotebookEdit')) as look_count,
        count(*) filter (where tool_name in ('Edit', 'MultiEdit', 'Write', 'NotebookEdit') and status = 'ok')
            as edit_count,
        count(*) filter (where status in ('error', 'denied', 'interrupted')) as failure_count,
        max_by(error_type, (action_at, action_id)) filter (where error_type is not null) as last_error_type
    from actions
    group by file_id, task_id, session_id
),

edits as (
    select
        file_id,
        prompt_id,
        session_id,
        max_by(diff_snippet, (modified_at, modification_id)) filter (where diff_snippet is not null)
            as last_diff_snippet
    from {{ ref('fact_file_modification') }}
    group by file_id, prompt_id, session_id
),

errors as (
    select
        file_id,
        prompt_id,
        session_id,
        max_by(
            left({{ one_line(regex_remove('error_text', '</?tool_use_error>')) }}, 300),
            (invoked_at, invocation_id)
        ) filter (where error_text is not null) as last_error_text
    from {{ ref('fact_tool_invocation') }}
    where file_id is not null and status in ('error', 'denied', 'interrupted')
    group by file_id, prompt_id, session_id
)

select
    tries.file_id,
    tries.task_id,
    tries.session_id,
    tries.agent_id,
    tries.first_action_at,
    tries.last_action_at,
    tries.file_path,
    sessions.project_name,
    agents.agent_name,
    -- Text from a machine is shown without its tags; of a notification, only its message.
    left(case
        when tasks.task_description like '<%'
            then coalesce(
                nullif({{ one_line(
                    regex_group('tasks.task_description', '(?s)<summary>(.*?)</summary>')
                ) }}, ''),
                {{ one_line(regex_remove('tasks.task_description', '<[^>]{1,200}>')) }}
            )
        else tasks.task_description
    end, 300) as task_description,
    tasks.task_type,
    tasks.status as task_status,
    tries.last_error_type,
    errors.last_error_text,
    edits.last_diff_snippet,
    outcomes.success_basis,
    outcomes.failure_reason,
    outcomes.success,
    outcomes.confidence,
    cast(tries.look_count as bigint) as look_count,
    cast(tries.edit_count as bigint) as edit_count,
    cast(tries.failure_count as bigint) as failure_count,
    row_number() over (
        partition by tries.file_id order by tries.last_action_at desc nulls last, tries.task_id
    ) as recency
from tries
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = tries.session_id
inner join {{ ref('dim_agent') }} as agents on agents.agent_id = tries.agent_id
left join {{ ref('dim_task') }} as tasks on tasks.task_id = tries.task_id
left join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = tries.task_id
left join edits
    on edits.file_id = tries.file_id
    and edits.session_id = tries.session_id
    and edits.prompt_id = tries.task_id
left join errors
    on errors.file_id = tries.file_id
    and errors.session_id = tries.session_id
    and errors.prompt_id = tries.task_id
