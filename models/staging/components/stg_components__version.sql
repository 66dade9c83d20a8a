with source as (
    select * from {{ source('scans', 'component_version') }}
),

parsed as (
    select
        *,
        {{ json_struct('front_matter', '{"name": "VARCHAR", "description": "VARCHAR", "model": "VARCHAR",
            "version": "VARCHAR", "argument-hint": "VARCHAR", "license": "VARCHAR"}') }} as front,
        {{ json_struct('links', '[{"kind": "VARCHAR", "target": "VARCHAR", "exists": "BOOLEAN"}]') }}
            as link_list,
        {{ json_struct('entries', '[{"type": "VARCHAR", "name": "VARCHAR", "target": "VARCHAR",
            "event": "VARCHAR", "matcher": "VARCHAR", "transport": "VARCHAR", "environment": "VARCHAR"}]') }}
            as entry_list,
        {{ json_struct('errors', '["VARCHAR"]') }} as error_list,
        {{ json_struct('warnings', '["VARCHAR"]') }} as warning_list
    from source
)

select
    host,
    scope,
    root,
    path,
    concat(root, '/', path) as file_path,
    -- An output style is text in the context like a memory file, identified by its path as in transcripts.
    case when component_type = 'output_style' then 'reference_file' else component_type end as component_type,
    case
        when component_type in ('reference_file', 'output_style') then concat(root, '/', path)
        else component_name
    end as component_name,
    plugin_name,
    owner_name,
    file_role,
    content_hash,
    body_hash,
    content,
    size_bytes,
    line_count,
    word_count,
    char_count,
    front.name as declared_name,
    front.description as description,
    front.model as model_name,
    front.version as declared_version,
    link_list,
    entry_list,
    validator_name,
    validator_version,
    error_list,
    warning_list,
    errors,
    warnings,
    is_binary,
    set_aside_reason,
    modified_at,
    scanned_at,
    _batch_id
from parsed
