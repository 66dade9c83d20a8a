{{ config(materialized='table') }}

with version_lines as (
    select
        lines.session_id,
        lines.client_version,
        lines.line_type,
        coalesce(lines.subtype, '') as subtype,
        {{ version_number('lines.client_version') }} as version_number,
        lines.created_at,
        files.path as source_path,
        lines.line_number as source_line
    from {{ ref('stg_transcripts__line') }} as lines
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
    where
        {{ version_number('lines.client_version') }} is not null and lines.line_type is not null
        and not lines.is_nested
)

select
    session_id,
    client_version,
    line_type,
    subtype,
    -- System lines by subtype: each has its own fields.
    case when line_type = 'system' and subtype <> '' then concat(line_type, '/', subtype) else line_type end
        as element_name,
    version_number,
    min(created_at) as first_seen_at,
    min_by(source_path, (created_at, source_path, source_line)) as source_path,
    min_by(source_line, (created_at, source_path, source_line)) as source_line,
    count(*) as line_count
from version_lines
group by all
