{{ set_aside_lines([source('raw_events', 'event_line')]) }}
union all
-- Readable lines that are not events.
select {{ set_aside_columns('events.set_aside_reason', 'lines') }}
from {{ ref('stg_events__event') }} as events
inner join {{ source('raw_events', 'event_line') }} as lines
    on lines.file_id = events.file_id and lines.line_number = events.line_number
    and lines.part_number = events.part_number
where events.set_aside_reason is not null
