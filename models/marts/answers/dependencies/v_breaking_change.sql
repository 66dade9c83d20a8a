with changes as (
    select
        changes.change_id,
        changes.dependency_id,
        changes.source_id,
        dependencies.dependency_name as changed_name,
        dependencies.dependency_type as changed_type,
        changes.detected_at,
        changes.change_source,
        changes.element_path,
        changes.change_type,
        changes.rule_name,
        changes.old_version,
        changes.new_version,
        changes.affected_components,
        changes.provenance
    from {{ ref('v_dependency_change') }} as changes
    inner join {{ ref('dim_dependency') }} as dependencies
        on dependencies.dependency_id = changes.dependency_id
    where changes.classification = 'BREAKING'
    union all
    select
        changes.change_id,
        cast(null as varchar),
        changes.source_id,
        sources.source_name,
        sources.source_type,
        changes.detected_at,
        'page',
        pages.url,
        'content_changed',
        changes.rule_name,
        changes.old_hash,
        changes.new_hash,
        '[]',
        changes.provenance
    from {{ ref('fact_change') }} as changes
    inner join {{ ref('dim_source') }} as sources on sources.source_id = changes.source_id
    inner join {{ ref('dim_page') }} as pages on pages.page_id = changes.page_id
    where changes.classification = 'BREAKING'
)

select
    change_id,
    dependency_id,
    source_id,
    changed_name,
    changed_type,
    detected_at,
    change_source,
    element_path,
    change_type,
    rule_name,
    old_version,
    new_version,
    affected_components,
    provenance
from changes
