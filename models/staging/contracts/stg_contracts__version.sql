-- A tool's definition is landed once per batch: here it is one version, dated by its first appearance.
with ranked as (
    select
        *,
        min(released_at) over (partition by contract_name, content_hash, origin) as first_released_at,
        row_number() over (
            partition by
                contract_name,
                case when origin = 'transcript' then content_hash else cast(version_order as varchar) end
            order by released_at nulls last, session_id, version_order, landed_at
        ) as copy_number
    from {{ source('scans', 'contract_version') }}
)

select
    contract_name,
    contract_kind,
    dependency_type,
    direction,
    origin,
    source_path,
    source_line,
    session_id,
    git_commit,
    version_label,
    version_order,
    content_hash,
    content_bytes,
    field_count,
    case when origin = 'transcript' then first_released_at else released_at end as released_at,
    set_aside_reason,
    landed_at,
    _batch_id
from ranked
where copy_number = 1
