select
    batch_id,
    started_at,
    finished_at,
    host,
    files_seen,
    files_grown,
    lines_landed,
    lines_set_aside,
    bytes_landed
from {{ source('raw', 'batch') }}
