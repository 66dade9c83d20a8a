-- Validation results of each component version found by a scan, in the columns of fact_validation.
with versions as (
    select
        *,
        row_number() over (
            partition by component_type, component_name, content_hash order by scanned_at, root, path, host
        ) as copy_number,
        dense_rank() over (partition by component_type, component_name order by _batch_id) as version_number
    from {{ ref('stg_components__version') }}
    where validator_name is not null
)

select
    {{ surrogate_key(['component_type', 'component_name', 'content_hash', 'validator_name']) }}
        as validation_id,
    {{ surrogate_key(['component_type', 'component_name']) }} as component_id,
    cast(null as varchar) as session_id,
    case when component_type = 'skill' then {{ surrogate_key(['component_type', 'component_name']) }} end
        as skill_id,
    scanned_at as validated_at,
    content_hash,
    validator_name,
    validator_version,
    errors,
    warnings,
    case when version_number > 1 then 'post_update' else 'scan' end as trigger_type,
    'observed' as provenance,
    len(error_list) = 0 as is_valid,
    cast(len(error_list) as bigint) as error_count,
    cast(len(warning_list) as bigint) as warning_count,
    file_path as _source_path,
    cast(null as bigint) as _source_line,
    _batch_id
from versions
where copy_number = 1
