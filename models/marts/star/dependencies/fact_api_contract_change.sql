with dependencies as (
    select
        dependency_id,
        {{ regex_remove('dependency_name', '^(mcp_server|skill|plugin):') }} as dependency_name
    from {{ ref('dim_dependency') }}
    where dependency_type not in ('skill', 'plugin')
),

affected as (
    select
        dependency_id,
        {{ text_list_json('component_id') }} as affected_components
    from {{ ref('component_dependency_map') }}
    group by dependency_id
)

select
    changes.change_id,
    dependencies.dependency_id,
    changes.detected_at,
    coalesce(changes.endpoint, '*') as endpoint,
    coalesce(changes.method, '*') as method,
    changes.element_path,
    changes.element_kind,
    changes.direction,
    changes.change,
    changes.change_type,
    changes.old_element as old_contract,
    changes.new_element as new_contract,
    changes.old_label as old_version,
    changes.new_label as new_version,
    changes.git_commit,
    changes.classification,
    changes.effect,
    changes.rule_name,
    changes.oasdiff_check,
    changes.oasdiff_level,
    changes.reason,
    coalesce(affected.affected_components, '[]') as affected_components,
    changes.provenance,
    changes._source_path,
    changes._source_line,
    changes._batch_id
from {{ ref('int_contract_change') }} as changes
inner join dependencies on dependencies.dependency_name = changes.contract_name
left join affected on affected.dependency_id = dependencies.dependency_id
where changes.contract_kind = 'openapi'
