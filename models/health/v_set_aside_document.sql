select
    document_id,
    repository,
    document_path,
    language,
    case when set_aside_reason is not null then 'set_aside' else 'syntax_error' end as finding,
    coalesce(set_aside_reason, parse_problem) as reason,
    size_bytes
from {{ ref('dim_document') }}
where is_scanned and (set_aside_reason is not null or parse_problem is not null)
