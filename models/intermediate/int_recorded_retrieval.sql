{{ config(materialized='table') }}

-- What a program found or read by itself. Recordings of the Read hook are calls that the transcript shows.
with events as (
    select
        *,
        nullif(trim(payload.file_path), '') as target
    from {{ ref('int_recorded_event') }}
    where event_kind = 'retrieval' and invocation_id is null
)

select
    event_id,
    session_id,
    agent_id,
    turn_task_id,
    occurred_at,
    case when target is not null then {{ absolute_path('target', 'working_dir') }} end as document_path,
    nullif(trim(payload.query), '') as query_text,
    payload.line_start as line_start,
    coalesce(payload.line_end, payload.line_start) as line_end,
    payload.rank as result_rank,
    case when payload.score between 0 and 1 then payload.score end as relevance_score,
    payload.used_in_response as used_in_response,
    source_path,
    source_line,
    _batch_id
from events
