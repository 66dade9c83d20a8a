{{ config(materialized='table') }}

with lines as (
    select * from {{ ref('stg_transcripts__set_aside_line') }}
    union all
    select * from {{ ref('stg_events__set_aside_line') }}
    union all
    select * from {{ ref('stg_api_responses__set_aside_line') }}
)

select
    lines.set_aside_reason,
    files.host,
    files.root as source_root,
    files.path as source_path,
    lines.line_number as source_line,
    lines.part_number,
    lines.line_head,
    lines.line_characters,
    batches.finished_at as landed_at,
    lines._batch_id
from lines
inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
left join {{ ref('stg_transcripts__batch') }} as batches on batches.batch_id = lines._batch_id
