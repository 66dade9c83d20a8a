{{ config(materialized='view') }}

with changes as (
    select
        changes.*
    from {{ ref('fact_schema_change') }} as changes
    inner join {{ ref('dim_dependency') }} as dependencies on dependencies.dependency_id = changes.dependency_id
    where dependencies.dependency_name = 'claude_code_transcript_format'
)

select
    new_version as client_version,
    min(old_version) as previous_client_version,
    min(detected_at) as first_seen_at,
    {{ distinct_texts("case when change = 'added' then element_path end") }} as added_fields,
    {{ distinct_texts("case when change = 'removed' then element_path end") }} as removed_fields,
    {{ distinct_texts("case when change not in ('added', 'removed') then element_path end") }} as changed_fields,
    count(*) filter (where change = 'added') as added_count,
    count(*) filter (where change = 'removed') as removed_count,
    count(*) filter (where change not in ('added', 'removed')) as changed_count,
    count(*) filter (where classification = 'BREAKING') as breaking_count
from changes
group by new_version
