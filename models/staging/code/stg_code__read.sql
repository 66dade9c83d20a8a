select
    tool_use_id,
    {{ surrogate_key(['blob_id', 'language']) }} as content_id,
    {{ path_identity('path') }} as document_path,
    line_start,
    language,
    parse_problem as set_aside_reason,
    _batch_id
from {{ source('raw_code', 'code_read') }}
