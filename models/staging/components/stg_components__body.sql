select
    root,
    path,
    concat(root, '/', path) as file_path,
    commit_hash,
    committed_at,
    body_hash,
    body_text,
    _batch_id
from {{ source('scans', 'component_body') }}
