-- Made anew each time: whether a task is still open depends on the last session of its project.
with sessions as (
    select session_id, end_reason, is_latest_in_project
    from {{ ref('dim_session') }}
),

turns as (
    select * from {{ ref('int_turn') }}
),

last_responses as (
    select
        turn_id,
        {{ value_at_max(
            'case when actor = \'main\' then stop_reason end',
            '(actor = \'main\', thread_position, response_id)'
        ) }} as stop_reason,
        max(last_block_at) as last_response_at
    from {{ ref('int_api_response') }}
    group by turn_id
),

-- A turn that breaks off without an orderly end is open work if its session is the project's latest.
prompt_tasks as (
    select
        turns.turn_id as task_id,
        cast(null as varchar) as parent_task_id,
        turns.session_id,
        'main' as actor,
        turns.prompted_at as created_at,
        coalesce(turns.interrupted_at, last_responses.last_response_at) as last_activity_at,
        turns.prompt_text as task_text,
        'prompt' as task_source,
        case
            when turns.interrupted_at is not null then 'abandoned'
            when last_responses.turn_id is null and turns.next_turn_id is not null then 'completed'
            when
                turns.next_turn_id is null and sessions.end_reason in ('unknown', 'interrupted', 'error')
                and sessions.is_latest_in_project then 'in_progress'
            when last_responses.turn_id is null then 'pending'
            when last_responses.stop_reason = 'tool_use' and turns.next_turn_id is null then 'abandoned'
            else 'completed'
        end as status,
        turns.source_path,
        turns.source_line,
        turns._batch_id
    from turns
    inner join sessions on sessions.session_id = turns.session_id
    left join last_responses on last_responses.turn_id = turns.turn_id
    where
        not {{ is_local_prompt('turns.prompt_origin') }}
        or turns.turn_id in (
            select prompt_id from {{ ref('fact_api_call') }}
            where prompt_id is not null
        )
        or turns.turn_id in (
            select turn_id from {{ ref('int_tool_call') }}
            where turn_id is not null
        )
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

-- Items of the client's task list: created by TaskCreate, moved by TaskUpdate.
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
            -- Each list is written whole: what is not in the last one was renamed, merged or given up.
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

tasks as (
    select * from prompt_tasks
    union all
    select * from delegation_tasks
    union all
    select * from list_tasks
    union all
    select * from todo_tasks
),

typed as (
    select
        tasks.*,
        texts.category,
        texts.rule_name,
        texts.confidence,
        parent_texts.category as parent_category,
        parent_texts.confidence as parent_confidence,
        -- A list item that no rule knows is part of its prompt's work if that is named and no mere word.
        coalesce(texts.category, 'unknown') = 'unknown' and coalesce(parent_texts.category, 'unknown') in (
            'implement', 'debug', 'refactor', 'test', 'review', 'research', 'document', 'configure', 'release'
        ) as is_from_parent
    from tasks
    left join {{ ref('int_classified_text') }} as texts on texts.text_hash = md5(tasks.task_text)
    left join turns as parents
        on parents.turn_id = case when tasks.task_source = 'task_list' then tasks.parent_task_id end
    left join {{ ref('int_classified_text') }} as parent_texts
        on parent_texts.text_hash = md5(parents.prompt_text)
)

select
    typed.task_id,
    typed.parent_task_id,
    typed.session_id,
    actors.agent_id,
    typed.created_at,
    case
        when typed.status in ('completed', 'abandoned')
            then {{ ordered_end('typed.created_at', 'typed.last_activity_at') }}
    end
        as completed_at,
    left(typed.task_text, {{ var('text_characters_kept') }}) as task_description,
    case
        when typed.is_from_parent then typed.parent_category
        else coalesce(typed.category, 'unknown')
    end as task_type,
    case
        when typed.is_from_parent then 'parent_task'
        else coalesce(typed.rule_name, 'no_rule')
    end as type_rule,
    typed.status,
    typed.task_source,
    -- A typed command says itself what it is; every other rule is a judgement of the text.
    case
        when
            not typed.is_from_parent
            and coalesce(typed.rule_name, 'no_rule') in ('no_rule', 'slash_command', 'shell_or_command_tag')
            then 'observed'
        else 'estimated'
    end as provenance,
    case
        when typed.is_from_parent then round(typed.parent_confidence * 0.6, 3)
        else coalesce(typed.confidence, 0.2)
    end
        as type_confidence,
    typed.source_path as _source_path,
    typed.source_line as _source_line,
    typed._batch_id
from typed
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = typed.session_id and actors.actor = typed.actor
