{{ config(materialized='table') }}

-- Files that were read, carried long and never used again: no later call of the session has the file as its target, and its
-- name stands in no later command or answer. Names are compared as words, once per session and file.
with segments as (
    select
        *,
        {{ path_name('file_path') }} as file_name
    from {{ ref('fact_context_segment') }}
    where file_id is not null and item_kind in ('tool_result', 'reference_file') and requests_carried >= {{ var('carried_long_requests') }}
),

names as (
    select distinct session_id, file_name from segments
),

texts as (
    select session_id, invoked_at as said_at, target as said_text
    from {{ ref('fact_tool_invocation') }}
    where target is not null and invoked_at is not null and session_id in (select session_id from names)
    union all
    select session_id, responded_at, response_text
    from {{ ref('fact_response') }}
    where response_text is not null and responded_at is not null and session_id in (select session_id from names)
),

texts_with_words as (
    select
        session_id,
        said_at,
        {{ file_words('said_text') }} as words
    from texts
),

mentions as (
    select
        words.session_id,
        words.word as file_name,
        max(words.said_at) as last_named_at
    from {{ explode('texts_with_words', 'words', 'word', 'word_number') }} as words
    inner join names on names.session_id = words.session_id and names.file_name = words.word
    group by words.session_id, words.word
),

touches as (
    select
        session_id,
        file_id,
        max(invoked_at) as last_touched_at
    from {{ ref('fact_tool_invocation') }}
    where file_id is not null
    group by session_id, file_id
)

select
    segments.segment_id,
    segments.session_id,
    segments.agent_id,
    segments.component_id,
    segments.invocation_id,
    segments.file_id,
    segments.file_path,
    segments.component_name,
    segments.entered_at,
    segments.left_at,
    segments.tokens,
    segments.requests_carried,
    segments.entry_cost_usd,
    segments.carrying_cost_usd,
    'estimated' as provenance
from segments
left join touches on touches.session_id = segments.session_id and touches.file_id = segments.file_id
left join mentions on mentions.session_id = segments.session_id and mentions.file_name = segments.file_name
where
    coalesce(touches.last_touched_at <= segments.entered_at, true)
    and coalesce(mentions.last_named_at <= segments.entered_at, true)
