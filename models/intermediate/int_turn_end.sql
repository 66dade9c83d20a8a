{{ config(materialized='table') }}

with responses as (
    select
        turn_id,
        min(session_id) as session_id,
        {{ value_at_max(
            'case when actor = \'main\' then stop_reason end',
            '(actor = \'main\', thread_position, response_id)'
        ) }} as stop_reason,
        max(last_block_at) as last_response_at
    from {{ ref('int_api_response') }}
    where turn_id is not null
    group by turn_id
),

calls as (
    select
        turn_id,
        min(session_id) as session_id
    from {{ ref('int_tool_call') }}
    where turn_id is not null
    group by turn_id
),

-- Recordings of programs about the prompt as a task.
recordings as (
    select
        task_id as turn_id,
        min(task_session_id) as session_id,
        max(occurred_at) filter (where event_kind = 'task_outcome') as recorded_end_at,
        max_by(task_type, (occurred_at, event_id)) filter (where task_type is not null) as recorded_type
    from {{ ref('int_task_recording') }}
    where is_in_transcript
    group by task_id
),

turns as (
    select turn_id from responses
    union
    select turn_id from calls
    union
    select turn_id from recordings
)

select
    turns.turn_id,
    coalesce(responses.session_id, calls.session_id, recordings.session_id) as session_id,
    responses.stop_reason,
    responses.last_response_at,
    recordings.recorded_end_at,
    recordings.recorded_type,
    responses.turn_id is not null as was_answered,
    calls.turn_id is not null as has_tool_call,
    recordings.turn_id is not null as is_named_as_task
from turns
left join responses on responses.turn_id = turns.turn_id
left join calls on calls.turn_id = turns.turn_id
left join recordings on recordings.turn_id = turns.turn_id
