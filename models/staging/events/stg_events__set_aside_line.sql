with lines as (
    select file_id, line_number, part_number, set_aside_reason, line, original_bytes, _batch_id
    from {{ source('raw_events', 'event_line') }}
    where set_aside_reason is not null
    union all
    -- What can be read, but is no event.
    select
        lines.file_id,
        lines.line_number,
        lines.part_number,
        events.set_aside_reason,
        lines.line,
        lines.original_bytes,
        lines._batch_id
    from {{ ref('stg_events__event') }} as events
    inner join {{ source('raw_events', 'event_line') }} as lines
        on lines.file_id = events.file_id and lines.line_number = events.line_number
        and lines.part_number = events.part_number
    where events.set_aside_reason is not null
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
