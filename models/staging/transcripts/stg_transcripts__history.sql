with lines as (
    select
        {{ line_id() }} as line_id,
        _batch_id,
        {{ json_struct('coalesce(repaired_line, line)', '{"display": "VARCHAR", "timestamp": "BIGINT",
            "project": "VARCHAR", "sessionId": "VARCHAR"}') }} as p
    from {{ source('raw', 'history_line') }}
    where set_aside_reason is null
)

select
    line_id,
    {{ log_id('p.sessionId') }} as session_id,
    {{ timestamp_from_ms('p.timestamp') }} as typed_at,
    p.project as working_dir,
    p.display as prompt_text,
    _batch_id
from lines
