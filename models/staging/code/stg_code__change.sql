select
    {{ path_identity("concat(repository, '/', path)") }} as document_path,
    host,
    repository,
    path,
    commit_id,
    committed_at,
    change_type,
    blob_id,
    _batch_id
from {{ source('raw_code', 'code_change') }}
