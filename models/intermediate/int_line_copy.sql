{{ config(materialized='table') }}

with lines as (
    select
        lines.line_id,
        lines.line_number,
        lines.part_number,
        lines.session_id,
        lines.line_uuid,
        lines.line_type,
        lines.message_id,
        lines.is_nested,
        lines.is_event_stream,
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

-- The original: not where the line itself names another session, nor in a session whose lines do, else in the
-- session that began first; a line of its own before one nested in a progress line.
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

-- The event stream has ids of its own and repeats the transcript: its answers, and all lines of the types it
-- has. What only the stream has (the transcript was deleted) is no copy.
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
)

select * from copies
union all
select * from streamed
