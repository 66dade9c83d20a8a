with versions as (
    select
        *,
        row_number() over (partition by repository, path order by _batch_id desc, is_deleted) as newness
    from {{ source('raw_code', 'code_document') }}
)

select
    {{ path_identity("concat(repository, '/', path)") }} as document_path,
    {{ surrogate_key(['blob_id', 'language']) }} as content_id,
    host,
    repository,
    path,
    blob_id,
    language,
    document_type,
    parse_problem,
    set_aside_reason,
    modified_at,
    scanned_at,
    newness = 1 and not is_deleted as is_current,
    is_tracked,
    is_deleted,
    newness,
    size_bytes,
    line_count,
    _batch_id
from versions
