select
    session_id,
    test_name,
    reason,
    source_path,
    set_aside_at,
    line_count
from {{ source('raw', 'set_aside_session') }}
