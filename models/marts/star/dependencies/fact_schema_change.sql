-- Fields that were added, removed or changed: in the transcript format from one client version to the next,
-- in the tools of MCP servers, in watched schemas and databases. OpenAPI is in fact_api_contract_change.
-- depends_on: {{ ref('change_rules') }}
with drift as (
    select
        drift.*,
        rules.rule_name,
        rules.classification,
        rules.change_type,
        rules.reason,
        row_number() over (partition by drift.drift_id order by rules.rule_order) as rule_rank
    from {{ ref('int_format_drift') }} as drift
    inner join {{ ref('change_rules') }} as rules
        on rules.contract in ('*', 'transcript') and rules.element in ('*', drift.element_kind)
        and rules.direction in ('*', 'response') and rules.facet = '*' and rules.change in ('*', drift.change)
),

found as (
    select
        drift_id as change_id,
        'claude_code_transcript_format' as dependency_name,
        cast(null as varchar) as session_id,
        detected_at,
        concat(element_name, case when field_path is not null then concat('.', field_path) else '' end)
            as element_path,
        element_kind,
        change,
        change_type,
        classification,
        rule_name,
        reason,
        old_client_version as old_version,
        new_client_version as new_version,
        case
            when change <> 'added'
                then {{ as_json({'path': 'field_path', 'line_type': 'element_name', 'type': 'old_type'}) }}
        end as old_schema,
        case
            when change <> 'removed'
                then {{ as_json({'path': 'field_path', 'line_type': 'element_name', 'type': 'new_type'}) }}
        end as new_schema,
        'estimated' as provenance,
        confidence,
        source_path as _source_path,
        source_line as _source_line,
        cast(null as bigint) as _batch_id
    from drift
    where rule_rank = 1
    union all
    select
        change_id,
        case
            when origin = 'transcript' and dependency_type = 'mcp_server'
                then {{ regex_group('contract_name', '^mcp:(.+?)/') }}
            when origin = 'transcript' then 'claude_code_tools'
            else contract_name
        end,
        session_id,
        detected_at,
        element_path,
        element_kind,
        change,
        change_type,
        classification,
        rule_name,
        reason,
        old_label,
        new_label,
        old_element,
        new_element,
        provenance,
        1.0,
        _source_path,
        _source_line,
        _batch_id
    from {{ ref('int_contract_change') }}
    where contract_kind <> 'openapi'
    union all
    select
        {{ surrogate_key(
            ['listings.session_id', 'listings.server_name', 'listings.tool_name', 'listings.change']
        ) }},
        listings.server_name,
        listings.session_id,
        listings.created_at,
        listings.tool_name,
        'tool',
        listings.change,
        case listings.change when 'added' then 'field_added' else 'field_removed' end,
        rules.classification,
        rules.rule_name,
        rules.reason,
        null,
        null,
        case when listings.change = 'removed' then {{ as_json({'tool': 'listings.tool_name'}) }} end,
        case when listings.change = 'added' then {{ as_json({'tool': 'listings.tool_name'}) }} end,
        'observed',
        0.8,
        listings.source_path,
        listings.source_line,
        listings._batch_id
    from {{ ref('int_tool_listing_change') }} as listings
    inner join {{ ref('change_rules') }} as rules on rules.rule_name = concat('tool_', listings.change)
),

dependencies as (
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
    found.change_id,
    dependencies.dependency_id,
    found.session_id,
    found.detected_at,
    found.element_path,
    found.element_kind,
    found.change,
    found.change_type,
    found.old_schema,
    found.new_schema,
    found.old_version,
    found.new_version,
    found.classification,
    found.rule_name,
    found.reason,
    coalesce(affected.affected_components, '[]') as affected_components,
    found.provenance,
    cast(found.confidence as double) as confidence,
    found._source_path,
    found._source_line,
    found._batch_id
from found
inner join dependencies on dependencies.dependency_name = found.dependency_name
left join affected on affected.dependency_id = dependencies.dependency_id
