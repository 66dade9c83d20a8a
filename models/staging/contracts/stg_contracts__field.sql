{{ config(materialized='view') }}

select
    content_hash,
    element_path,
    parent_path,
    element_kind,
    direction,
    endpoint,
    method,
    element_name,
    data_type,
    data_format,
    is_required,
    is_nullable,
    is_deprecated,
    is_read_only,
    is_write_only,
    default_value,
    value_text,
    value_number,
    description_hash,
    _batch_id
from {{ source('scans', 'contract_field') }}
