{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

-- Threads that continue a conversation that does not precede them in their lines: a fork; a file whose first
-- line points to a parent missing from the session, or to a response later in the thread (a client that
-- reopens an old conversation writes the new lines before the old ones); a main thread that begins with a
-- response; the subagent that summarizes for a compaction, which is sent the same context as its parent.
with recursive touched as {{ touched_sessions() }},

thread_lines as (
    select
        lines.session_id,
        lines.actor,
        lines.line_uuid,
        lines.parent_uuid,
        lines.line_type,
        lines.thread_position
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
),

session_lines as (
    select
        stg.session_id,
        stg.line_uuid,
        min(stg.parent_uuid) as parent_uuid,
        bool_or(stg.line_type = 'progress') as is_progress
    from {{ ref('stg_transcripts__line') }} as stg
    semi join touched on touched.session_id = stg.session_id
    where stg.line_uuid is not null
    group by stg.session_id, stg.line_uuid
),

placed_lines as (
    select
        session_lines.*,
        thread_lines.actor,
        thread_lines.line_type = 'assistant' as is_answer
    from session_lines
    left join thread_lines
        on thread_lines.session_id = session_lines.session_id
        and thread_lines.line_uuid = session_lines.line_uuid
),

first_lines as (
    select *
    from thread_lines
    where thread_position = 1
),

-- From a thread's first line up to the first response, past lines that accompany a conversation in any order
-- (progress, attachments). A parent in another thread, where a subagent was called, ends the walk.
ancestors as (
    select session_id, actor, parent_uuid as line_uuid
    from first_lines
    where parent_uuid is not null
    union
    select
        ancestors.session_id,
        ancestors.actor,
        placed_lines.parent_uuid as line_uuid
    from ancestors
    inner join placed_lines
        on placed_lines.session_id = ancestors.session_id and placed_lines.line_uuid = ancestors.line_uuid
    where
        placed_lines.parent_uuid is not null
        and (placed_lines.is_progress or placed_lines.actor = ancestors.actor and not placed_lines.is_answer)
),

walks as (
    select
        ancestors.session_id,
        ancestors.actor,
        -- Every response of a thread comes after its first line.
        bool_or(
            placed_lines.line_uuid is null
            or coalesce(placed_lines.actor = ancestors.actor and placed_lines.is_answer, false)
        ) as leads_elsewhere
    from ancestors
    left join placed_lines
        on placed_lines.session_id = ancestors.session_id and placed_lines.line_uuid = ancestors.line_uuid
    group by ancestors.session_id, ancestors.actor
)

select
    {{ surrogate_key(['first_lines.session_id', 'first_lines.actor']) }} as thread_id,
    first_lines.session_id,
    first_lines.actor,
    case
        when first_lines.actor like 'acompact%' then 'parent_thread'
        when first_lines.actor = 'main' and sessions.forked_from_session_id is not null then 'fork'
        when coalesce(walks.leads_elsewhere, false) then 'cut_off'
        when first_lines.actor = 'main' and first_lines.line_type = 'assistant' then 'cut_off'
        else 'own'
    end as origin,
    first_lines.line_type = 'assistant' as is_answer_first,
    touched._batch_id
from first_lines
inner join touched on touched.session_id = first_lines.session_id
inner join {{ ref('int_session') }} as sessions on sessions.session_id = first_lines.session_id
left join walks on walks.session_id = first_lines.session_id and walks.actor = first_lines.actor
