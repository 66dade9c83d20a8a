-- Changes of schemas and contracts that components depend on. Unlikely guesses are only in the fact.
select
    change_id,
    dependency_id,
    cast(null as varchar) as source_id,
    detected_at,
    'schema' as change_source,
    element_path,
    change_type,
    classification,
    rule_name,
    old_version,
    new_version,
    affected_components,
    provenance
from {{ ref('fact_schema_change') }}
-- With one silent project the confidence is at most 0.63, with two 0.86.
where confidence >= {{ var('change_confidence', 0.8) }}
union all
select
    change_id,
    dependency_id,
    cast(null as varchar) as source_id,
    detected_at,
    'api_contract' as change_source,
    element_path,
    change_type,
    classification,
    rule_name,
    old_version,
    new_version,
    affected_components,
    provenance
from {{ ref('fact_api_contract_change') }}
