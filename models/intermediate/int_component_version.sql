{{ config(materialized='table', zstd_columns=['content']) }}

-- Components found on disk by scans.
with versions as (
    select
        *,
        row_number() over (
            partition by component_type, component_name, content_hash order by modified_at, root, path, host
        ) as copy_number,
        max(modified_at) over (partition by component_type, component_name, content_hash) as last_modified_at,
        count(*) over (partition by component_type, component_name, content_hash) as copy_count,
        max(_batch_id) over (partition by component_type, component_name, content_hash) as last_batch_id
    from {{ ref('stg_components__version') }}
    where component_type in ('skill', 'agent', 'command', 'reference_file', 'hook', 'plugin')
)

select
    {{ surrogate_key(['versions.component_type', 'versions.component_name', 'versions.content_hash']) }}
        as measurement_id,
    {{ surrogate_key(['versions.component_type', 'versions.component_name']) }} as component_id,
    cast(null as varchar) as session_id,
    versions.modified_at as measured_at,
    versions.last_modified_at as last_seen_at,
    coalesce(nullif(lower({{ regex_group('versions.path', '[.]([A-Za-z0-9_]+)$') }}), ''), 'none')
        as file_type,
    versions.content_hash,
    versions.line_count,
    versions.word_count,
    versions.char_count,
    versions.copy_count as sight_count,
    cast(0 as bigint) as session_count,
    versions.file_path as _source_path,
    cast(null as bigint) as _source_line,
    versions.last_batch_id as _batch_id,
    versions.component_type,
    versions.component_name,
    versions.plugin_name,
    versions.owner_name,
    versions.scope,
    versions.file_role,
    versions.body_hash,
    versions.file_path,
    versions.declared_name,
    versions.declared_version,
    versions.description,
    versions.model_name,
    versions.content,
    versions.entry_list,
    versions.set_aside_reason,
    versions.is_binary,
    versions.size_bytes
from versions
where versions.copy_number = 1
