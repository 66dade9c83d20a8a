{{ config(materialized='table') }}

-- Rebuilt from scratch each time: the transcript that shows a task may arrive after its recordings.
with events as (
    select * from {{ ref('int_recorded_event') }}
    where
        task_name is not null or event_kind in ('task_outcome', 'strategy_outcome')
        or hook_event in ('TaskCreated', 'TaskCompleted')
),

turns as (
    select * from {{ ref('int_turn') }}
),

calls as (
    select
        tool_use_id,
        session_id,
        tool_name,
        called_at,
        result.task.id as item_number
    from {{ ref('int_tool_call') }}
    where tool_name in ('Agent', 'Task') or (tool_name = 'TaskCreate' and is_success)
),

-- Task names used by the store itself: programs get these names from its answers.
known as (
    select turn_id as task_name, turn_id as task_id, session_id, turn_number as place from turns
    union
    select client_prompt_id, turn_id, session_id, turn_number from turns
    where client_prompt_id is not null
    union
    select tool_use_id, tool_use_id, session_id, 1 from calls
),

named as (
    select
        events.event_id,
        known.task_id,
        known.session_id,
        row_number() over (
            partition by events.event_id
            order by known.session_id is distinct from events.session_id, known.session_id, known.place
        ) as task_rank
    from events
    inner join known on known.task_name = events.task_name
    where events.event_kind <> 'hook'
),

-- The client numbers the items of a list and restarts with each list: the latest item with this number.
listed as (
    select
        events.event_id,
        calls.tool_use_id as task_id,
        row_number() over (
            partition by events.event_id order by calls.called_at desc, calls.tool_use_id
        ) as task_rank
    from events
    inner join calls
        on calls.session_id = events.session_id and calls.item_number = events.task_name
        -- A hook sees an item before its line is written.
        and calls.called_at <= events.occurred_at + interval 1 second
    where calls.tool_name = 'TaskCreate'
),

-- The same, if only hooks have seen the list.
hooked as (
    select
        session_id,
        task_name,
        {{ surrogate_key(["'listed'", 'session_id', 'task_name', 'payload.task_subject']) }} as task_id,
        min(occurred_at) as first_seen_at
    from events
    where event_kind = 'hook'
    group by session_id, task_name, payload.task_subject
),

numbered as (
    select
        events.event_id,
        hooked.task_id,
        row_number() over (
            partition by events.event_id order by hooked.first_seen_at desc, hooked.task_id
        ) as task_rank
    from events
    inner join hooked
        on hooked.session_id = events.session_id and hooked.task_name = events.task_name
        and hooked.first_seen_at <= events.occurred_at
    where events.event_kind <> 'hook'
),

-- A program's own task name is unique within its session; a name without a session means the only session
-- that uses it.
own_sessions as (
    select task_name, min(session_id) as session_id
    from events
    where event_kind <> 'hook' and task_name is not null
    group by task_name
    having count(distinct session_id) = 1
)

select
    events.event_id,
    coalesce(
        named.task_id, listed.task_id,
        case
            when events.event_kind = 'hook'
                then {{ surrogate_key([
                    "'listed'", 'events.session_id', 'events.task_name', 'events.payload.task_subject'
                ]) }}
        end,
        numbered.task_id,
        case
            when events.task_name is not null
                then {{ surrogate_key([
                    "'recorded'", 'coalesce(events.session_id, own_sessions.session_id)', 'events.task_name'
                ]) }}
        end,
        events.turn_task_id,
        case
            when events.event_kind = 'task_outcome'
                then {{ surrogate_key(["'recorded'", 'events.event_id']) }}
        end
    ) as task_id,
    events.session_id,
    coalesce(named.session_id, events.session_id, own_sessions.session_id) as task_session_id,
    events.agent_id,
    events.turn_id,
    events.event_kind,
    events.hook_event,
    events.occurred_at,
    coalesce(events.payload.task_subject, events.payload.description) as description,
    nullif(trim(events.payload.task_type), '') as task_type,
    events.payload.basis as basis,
    coalesce(events.error, events.payload.error_type) as error,
    events.payload.teammate_name as teammate_name,
    case
        when named.task_id is not null or listed.task_id is not null then true
        when events.event_kind = 'hook' or events.task_name is not null then false
        else events.turn_task_id is not null
    end as is_in_transcript,
    events.payload.success as success,
    case when events.event_kind = 'test_run' then try_cast(events.payload.passed as bigint) end
        as passed_count,
    case when events.event_kind = 'test_run' then events.payload.failed end as failed_count,
    case
        when events.event_kind = 'test_run'
            then not coalesce(events.payload.timed_out, false) and events.payload.exit_code = 0
    end as is_test_passed,
    events.duration_ms,
    events.source_path,
    events.source_line,
    events._batch_id
from events
left join named on named.event_id = events.event_id and named.task_rank = 1
left join listed on listed.event_id = events.event_id and listed.task_rank = 1
left join numbered on numbered.event_id = events.event_id and numbered.task_rank = 1
left join own_sessions on own_sessions.task_name = events.task_name
