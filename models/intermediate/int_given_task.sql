{{ config(materialized='table') }}

with recordings as (
    select * from {{ ref('int_task_recording') }}
    where task_id is not null
),

-- Tasks as hooks and programs describe them, each in their own words.
recorded as (
    select
        task_id,
        min_by(session_id, (occurred_at, event_id)) filter (where session_id is not null) as session_id,
        min_by(agent_id, (occurred_at, event_id)) filter (where agent_id is not null) as agent_id,
        min_by(turn_id, (occurred_at, event_id)) filter (where turn_id is not null) as turn_id,
        min(case
            when event_kind = 'task_outcome' and duration_ms is not null
                then {{ ms_before('occurred_at', 'duration_ms') }}
            else occurred_at
        end) as created_at,
        max(occurred_at) filter (where event_kind = 'task_outcome' or hook_event = 'TaskCompleted')
            as ended_at,
        min_by(description, (occurred_at, event_id)) filter (where description is not null) as description,
        max_by(task_type, (occurred_at, event_id)) filter (where task_type is not null) as task_type,
        bool_and(hook_event is not distinct from 'TaskCreated') as is_only_listed,
        bool_or(event_kind = 'hook') as is_listed,
        bool_or(is_in_transcript) as is_in_transcript,
        min_by(source_path, (occurred_at, event_id)) as source_path,
        min_by(source_line, (occurred_at, event_id)) as source_line,
        max(_batch_id) as _batch_id
    from recordings
    group by task_id
),

runs as (
    select
        spawn_tool_use_id,
        max(ended_at) as ended_at,
        bool_or(was_stopped_by_user) as was_stopped_by_user
    from {{ ref('int_actor') }}
    where spawn_tool_use_id is not null
    group by spawn_tool_use_id
),

delegation_tasks as (
    select
        calls.tool_use_id as task_id,
        calls.turn_id as parent_task_id,
        calls.session_id,
        calls.actor,
        calls.called_at as created_at,
        coalesce(case when calls.is_background then runs.ended_at end, calls.returned_at, runs.ended_at)
            as last_activity_at,
        coalesce(calls.tool_input.description, calls.tool_input.subject, calls.tool_input.prompt)
            as task_text,
        'delegation' as task_source,
        case
            when calls.call_status in ('denied', 'interrupted') or coalesce(runs.was_stopped_by_user, false)
                then 'abandoned'
            when calls.call_status = 'no_result' then 'in_progress'
            else 'completed'
        end as status,
        calls.source_path,
        calls.source_line,
        calls._batch_id
    from {{ ref('int_tool_call') }} as calls
    left join runs on runs.spawn_tool_use_id = calls.tool_use_id
    where calls.tool_name in ('Agent', 'Task')
),

-- Items of the client's task list: created by TaskCreate, updated by TaskUpdate.
list_updates as (
    select
        session_id,
        coalesce(result.taskId, tool_input.taskId) as list_task_id,
        max(called_at) as last_updated_at,
        max_by(coalesce(result.statusChange.to, tool_input.status), (called_at, tool_use_id))
        filter (where coalesce(result.statusChange.to, tool_input.status) is not null) as last_status
    from {{ ref('int_tool_call') }}
    where tool_name = 'TaskUpdate' and is_success
    group by all
),

list_tasks as (
    select
        calls.tool_use_id as task_id,
        calls.turn_id as parent_task_id,
        calls.session_id,
        calls.actor,
        calls.called_at as created_at,
        list_updates.last_updated_at as last_activity_at,
        coalesce(calls.tool_input.subject, calls.tool_input.description, calls.result.task.subject)
            as task_text,
        'task_list' as task_source,
        case
            when list_updates.last_status = 'completed' then 'completed'
            when list_updates.last_status = 'deleted' then 'abandoned'
            when list_updates.last_status = 'in_progress' then 'in_progress'
            else 'pending'
        end as status,
        calls.source_path,
        calls.source_line,
        calls._batch_id
    from {{ ref('int_tool_call') }} as calls
    left join list_updates
        on list_updates.session_id = calls.session_id and list_updates.list_task_id = calls.result.task.id
    where calls.tool_name = 'TaskCreate' and calls.is_success
),

todo_writes as (
    select
        session_id,
        actor,
        tool_use_id,
        turn_id,
        called_at,
        source_path,
        source_line,
        result.newTodos as todos,
        _batch_id
    from {{ ref('int_tool_call') }}
    where tool_name = 'TodoWrite' and result.newTodos is not null
),

todo_items as (
    select
        session_id,
        actor,
        todo.content as task_text,
        min_by(turn_id, (called_at, tool_use_id)) as parent_task_id,
        min(called_at) as created_at,
        max(called_at) as last_activity_at,
        max_by(todo.status, (called_at, tool_use_id)) as last_status,
        min_by(source_path, (called_at, tool_use_id)) as source_path,
        min_by(source_line, (called_at, tool_use_id)) as source_line,
        max(_batch_id) as _batch_id
    from {{ explode('todo_writes', 'todos', 'todo', 'todo_number') }} as exploded
    where todo.content is not null
    group by all
),

last_lists as (
    select session_id, actor, max(called_at) as last_written_at
    from todo_writes
    group by session_id, actor
),

todo_tasks as (
    select
        {{ surrogate_key(['todo_items.session_id', 'todo_items.actor', 'todo_items.task_text']) }} as task_id,
        todo_items.parent_task_id,
        todo_items.session_id,
        todo_items.actor,
        todo_items.created_at,
        todo_items.last_activity_at,
        todo_items.task_text,
        'task_list' as task_source,
        case
            when todo_items.last_status = 'completed' then 'completed'
            -- Each list is written as a whole: an item missing from the last one was renamed, merged or given
            -- up.
            when todo_items.last_activity_at < last_lists.last_written_at then 'abandoned'
            when todo_items.last_status = 'in_progress' then 'in_progress'
            else 'pending'
        end as status,
        todo_items.source_path,
        todo_items.source_line,
        todo_items._batch_id
    from todo_items
    inner join last_lists
        on last_lists.session_id = todo_items.session_id and last_lists.actor = todo_items.actor
),

in_transcripts as (
    select * from delegation_tasks
    union all
    select * from list_tasks
    union all
    select * from todo_tasks
)

select
    tasks.task_id,
    tasks.parent_task_id,
    tasks.session_id,
    actors.agent_id,
    tasks.created_at,
    -- An end in the transcript counts; a recording ends only tasks that the transcript leaves open.
    case
        when tasks.status in ('in_progress', 'pending') and recorded.ended_at is not null
            then recorded.ended_at
        else tasks.last_activity_at
    end as last_activity_at,
    tasks.task_text,
    recorded.task_type as recorded_type,
    tasks.task_source,
    case
        when tasks.status in ('in_progress', 'pending') and recorded.ended_at is not null then 'completed'
        else tasks.status
    end as status,
    false as is_only_recorded,
    tasks.source_path,
    tasks.source_line,
    greatest(tasks._batch_id, recorded._batch_id) as _batch_id
from in_transcripts as tasks
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = tasks.session_id and actors.actor = tasks.actor
left join recorded on recorded.task_id = tasks.task_id
union all
select
    task_id,
    turn_id as parent_task_id,
    session_id,
    agent_id,
    created_at,
    ended_at as last_activity_at,
    description as task_text,
    task_type as recorded_type,
    case when is_listed then 'task_list' else 'recorded' end as task_source,
    case
        when ended_at is not null then 'completed'
        when is_only_listed then 'pending'
        else 'in_progress'
    end as status,
    true as is_only_recorded,
    source_path,
    source_line,
    _batch_id
from recorded
where not is_in_transcript
