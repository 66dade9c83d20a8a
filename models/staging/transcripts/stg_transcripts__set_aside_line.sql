with lines as (
    select file_id, line_number, part_number, set_aside_reason, line, original_bytes, _batch_id
    from {{ source('raw', 'transcript_line') }}
    where set_aside_reason is not null
    union all
    select file_id, line_number, part_number, set_aside_reason, line, original_bytes, _batch_id
    from {{ source('raw', 'history_line') }}
    where set_aside_reason is not null
)

select
    file_id,
    line_number,
    part_number,
    set_aside_reason,
    left(line, 200) as line_head,
    length(line) as line_characters,
    original_bytes is not null as was_not_utf8,
    _batch_id
from lines
