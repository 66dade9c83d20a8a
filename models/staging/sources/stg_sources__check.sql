{{ config(materialized='view') }}

select
    check_id,
    source_name,
    source_type,
    target,
    check_type,
    checked_at,
    is_available,
    status_code,
    etag,
    last_modified,
    content_hash,
    content,
    content_bytes,
    is_truncated,
    is_not_modified,
    redirected_to,
    version_detected,
    response_time_ms,
    attempt_count,
    result,
    error,
    _batch_id
from {{ source('scans', 'source_check') }}
