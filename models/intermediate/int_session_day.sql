{{ config(materialized='table') }}

-- Copies count: the client's statistics count every transcript, and a forked session starts with lines of its
-- parent. The line that one session lacks can be in another that was landed later: so all of them, each time.
with lines as (
    select session_id, file_id, line_number, line_uuid, parent_uuid, is_nested, created_at
    from {{ ref('stg_transcripts__line') }}
    where line_uuid is not null
),

-- Clients 2.1.0 to 2.1.85 wrapped lines of subagents in progress lines, whose own ids are not kept: after
-- such a line, a parent may be one of them.
wrapping_files as (
    select
        file_id,
        min(line_number) as first_line_number
    from lines
    where is_nested
    group by file_id
),

gaps as (
    select
        lines.session_id,
        lines.parent_uuid,
        min(lines.created_at) as continued_at
    from lines
    anti join lines as parents on parents.line_uuid = lines.parent_uuid
    left join wrapping_files on wrapping_files.file_id = lines.file_id
    where
        lines.parent_uuid is not null
        and (wrapping_files.file_id is null or lines.line_number < wrapping_files.first_line_number)
    group by lines.session_id, lines.parent_uuid
),

day_gaps as (
    select
        session_id,
        cast({{ local_time('continued_at') }} as date) as activity_date,
        count(*) as gap_count
    from gaps
    where continued_at is not null
    group by all
),

-- Of the client's own files that are still there: it deletes no others.
files as (
    select
        files.file_id,
        files.modified_at
    from {{ ref('stg_transcripts__file') }} as files
    semi join (
        select * from {{ ref('stg_transcripts__file_location') }}
        where vanished_at is null
    ) as present
        on present.file_id = files.file_id
    where files.file_kind in ('session', 'subagent', 'workflow_agent')
),

days as (
    select
        lines.session_id,
        cast({{ local_time('lines.created_at') }} as date) as activity_date,
        min(lines.created_at) as first_line_at,
        min(files.modified_at) as file_modified_at,
        count(*) as line_count
    from lines
    left join files on files.file_id = lines.file_id
    where lines.created_at is not null
    group by all
)

select
    days.session_id,
    days.activity_date,
    days.first_line_at,
    min(days.first_line_at) over (partition by days.session_id) as session_started_at,
    days.file_modified_at,
    days.line_count,
    coalesce(day_gaps.gap_count, 0) as gap_count
from days
left join day_gaps on day_gaps.session_id = days.session_id and day_gaps.activity_date = days.activity_date
