select
    root,
    path,
    concat(root, '/', path) as file_path,
    commit_hash,
    committed_at,
    subject,
    lines_added,
    lines_deleted,
    _batch_id
from {{ source('scans', 'component_commit') }}
