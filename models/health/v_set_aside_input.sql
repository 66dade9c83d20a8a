{{ config(materialized='table') }}

-- Inputs that scans, lists and checks could not read, with the reason. Everything else was read.
select
    {{ surrogate_key(["'component'", 'root', 'path', 'content_hash']) }} as finding_id,
    'component' as input_type,
    case when root = '' then path else concat(root, '/', path) end as input_path,
    component_type as input_kind,
    set_aside_reason,
    scanned_at as found_at,
    size_bytes
from {{ ref('stg_components__version') }}
where set_aside_reason is not null
union all
select
    {{ surrogate_key(["'contract'", 'contract_name', 'version_order', 'content_hash']) }} as finding_id,
    'contract' as input_type,
    source_path as input_path,
    contract_kind as input_kind,
    set_aside_reason,
    landed_at as found_at,
    content_bytes as size_bytes
from {{ ref('stg_contracts__version') }}
where set_aside_reason is not null
union all
select
    {{ surrogate_key(["'list'", 'source_name', 'listed_in']) }} as finding_id,
    'source_list' as input_type,
    listed_in as input_path,
    source_type as input_kind,
    set_aside_reason,
    listed_at as found_at,
    cast(null as bigint) as size_bytes
from {{ ref('stg_sources__entry') }}
where set_aside_reason is not null
union all
select
    {{ surrogate_key(["'alerts'", 'listed_in', 'entry_number']) }} as finding_id,
    'alert_list' as input_type,
    listed_in as input_path,
    'alert' as input_kind,
    set_aside_reason,
    listed_at as found_at,
    cast(null as bigint) as size_bytes
from {{ ref('stg_alerts__entry') }}
where set_aside_reason is not null
