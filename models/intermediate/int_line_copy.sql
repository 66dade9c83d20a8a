{{ config(materialized='table') }}

with lines as (
    select
        lines.line_id,
        lines.line_number,
        lines.part_number,
        lines.session_id,
        lines.line_uuid,
        lines.line_type,
        lines.subtype,
        lines.message_id,
        lines.is_nested,
        lines.is_event_stream,
        lines.line_origin,
        lines.is_aborted,
        lines.named_session_id,
        files.path,
        files.generation
    from {{ ref('stg_transcripts__line') }} as lines
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
    where lines.line_uuid is not null
),

session_starts as (
    select
        session_id,
        min(created_at) as first_created_at,
        coalesce(bool_or(named_session_id <> session_id), false) as names_other_session
    from {{ ref('stg_transcripts__line') }}
    group by session_id
),

copied as (
    select line_uuid
    from lines
    group by line_uuid
    having count(*) > 1
),

-- The original: preferably a line that names no other session, then one in a session whose lines name no
-- other, then the one in the session that began first; a separate line precedes one nested in a progress
-- line.
ranked as (
    select
        lines.*,
        row_number() over (
            partition by lines.line_uuid
            order by
                coalesce(lines.named_session_id <> lines.session_id, false),
                session_starts.names_other_session,
                session_starts.first_created_at nulls last,
                lines.session_id,
                lines.is_event_stream,
                lines.is_nested,
                -- A response that was still being written when its file was first read.
                lines.is_aborted,
                lines.generation desc,
                lines.path,
                lines.line_number,
                lines.part_number
        ) as copy_rank
    from lines
    semi join copied on copied.line_uuid = lines.line_uuid
    left join session_starts on session_starts.session_id = lines.session_id
),

copies as (
    select
        line_id,
        line_uuid,
        session_id,
        first_value(session_id) over (partition by line_uuid order by copy_rank) as owner_session_id,
        copy_rank > 1 as is_copy
    from ranked
),

-- The event stream has its own ids and repeats the transcript: its responses, and all lines of the types it
-- contains. Lines that only the stream has (because the transcript was deleted) are not copies.
transcribed as (
    select distinct
        session_id,
        line_type,
        case when line_type = 'assistant' then message_id end as message_id
    from lines
    where not is_event_stream
),

streamed as (
    select
        lines.line_id,
        lines.line_uuid,
        lines.session_id,
        lines.session_id as owner_session_id,
        true as is_copy
    from lines
    semi join transcribed
        on transcribed.session_id = lines.session_id and transcribed.line_type = lines.line_type
        and coalesce(transcribed.message_id, '') = coalesce(
            case when lines.line_type = 'assistant' then lines.message_id end, ''
        )
    anti join copied on copied.line_uuid = lines.line_uuid
    where lines.is_event_stream
),

-- A program that calls the API may record messages and tool calls that a transcript or a response file also
-- shows. The recorded line is the copy.
known_ids as (
    select message_id as shared_id, session_id, line_origin = 'transcript' as is_transcript
    from lines
    where message_id is not null and line_origin <> 'event'
    union all
    select blocks.tool_use_id, lines.session_id, true
    from {{ ref('stg_transcripts__block') }} as blocks
    inner join lines on lines.line_id = blocks.line_id
    where blocks.tool_use_id is not null and lines.line_origin = 'transcript'
),

beside as (
    select line_id, line_uuid, session_id, line_origin, message_id as shared_id
    from lines
    where line_origin <> 'transcript' and message_id is not null
    union all
    select lines.line_id, lines.line_uuid, lines.session_id, lines.line_origin, blocks.tool_use_id
    from lines
    inner join {{ ref('stg_transcripts__block') }} as blocks on blocks.line_id = lines.line_id
    where lines.line_origin = 'event' and blocks.tool_use_id is not null
),

recorded as (
    select
        beside.line_id,
        beside.line_uuid,
        beside.session_id,
        min_by(known_ids.session_id, (not known_ids.is_transcript, known_ids.session_id))
            as owner_session_id,
        true as is_copy
    from beside
    inner join known_ids
        on known_ids.shared_id = beside.shared_id
        and (known_ids.is_transcript or beside.line_origin = 'event')
    anti join copied on copied.line_uuid = beside.line_uuid
    anti join streamed on streamed.line_id = beside.line_id
    group by beside.line_id, beside.line_uuid, beside.session_id
),

-- The total usage of a run repeats the usage of its known responses.
summed as (
    select
        lines.line_id,
        lines.line_uuid,
        lines.session_id,
        lines.session_id as owner_session_id,
        true as is_copy
    from lines
    anti join copied on copied.line_uuid = lines.line_uuid
    semi join lines as answers
        on answers.session_id = lines.session_id and answers.line_type = 'assistant'
        and answers.subtype is null
    where lines.line_type = 'assistant' and lines.subtype = 'result'
)

select * from copies
union all
select * from summed
union all
select * from streamed
union all
select * from recorded
