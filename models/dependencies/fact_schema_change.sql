-- Fields that appeared, went or changed: of the transcript format from one client version to the next, of the tools that MCP
-- servers offer, of watched schemas and databases. OpenAPI has fact_api_contract_change.
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

-- Tools that a server offers a project, as sessions list them; lists of one project follow each other.
listings as (
    select
        attachments.session_id,
        attachments.created_at,
        attachments._batch_id,
        coalesce(sessions.project_path, '') as project_path,
        sessions.host,
        attachments.attachment.addedNames as tool_names,
        row_number() over (partition by attachments.session_id order by attachments.created_at, attachments.line_uuid) as listing_number
    from {{ ref('stg_transcripts__attachment') }} as attachments
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = attachments.session_id
    where attachments.attachment_type = 'deferred_tools_delta' and attachments.agent_run_id is null
),

offered as (
    select
        session_id,
        project_path,
        host,
        {{ regex_group('tool_name', '^mcp__(.+?)__') }} as server_name,
        {{ regex_group('tool_name', '^mcp__.+?__(.+)$') }} as tool_name,
        min(created_at) as created_at,
        max(_batch_id) as _batch_id
    from {{ explode('listings', 'tool_names', 'tool_name', 'tool_number') }} as exploded
    where tool_name like 'mcp\_\_%\_\_%' escape '\'
    group by all
),

-- A list with nothing but these two is that of a server nobody has signed in to: it tells nothing of the server's tools.
signed_in as (
    select offered.*
    from offered
    inner join (
        select session_id, server_name
        from offered
        group by session_id, server_name
        having not bool_and(tool_name in ('authenticate', 'complete_authentication'))
    ) as lists on lists.session_id = offered.session_id and lists.server_name = offered.server_name
    where offered.tool_name not in ('authenticate', 'complete_authentication')
),

server_sessions as (
    select
        *,
        row_number() over (partition by host, project_path, server_name order by created_at, session_id) as session_number,
        count(*) over (partition by host, project_path, server_name) as session_count
    from (
        select session_id, project_path, host, server_name, min(created_at) as created_at, max(_batch_id) as _batch_id
        from signed_in
        group by all
    ) as sessions
),

tools as (
    select
        server_sessions.host,
        server_sessions.project_path,
        server_sessions.server_name,
        signed_in.tool_name,
        server_sessions.session_count,
        min(server_sessions.session_number) as first_number,
        max(server_sessions.session_number) as last_number
    from server_sessions
    inner join signed_in on signed_in.session_id = server_sessions.session_id and signed_in.server_name = server_sessions.server_name
    group by all
),

-- New: not in the first list. Gone: in none of the last two lists at least, for one list may be short.
gone_or_new as (
    select
        server_sessions.session_id,
        server_sessions.created_at,
        server_sessions.server_name,
        server_sessions._batch_id,
        changes.tool_name,
        changes.change
    from (
        select *, first_number as session_number, 'added' as change from tools where first_number > 1
        union all
        select *, last_number + 1 as session_number, 'removed' as change from tools where last_number <= session_count - 2
    ) as changes
    inner join server_sessions
        on server_sessions.host = changes.host and server_sessions.project_path = changes.project_path
        and server_sessions.server_name = changes.server_name and server_sessions.session_number = changes.session_number
),

found as (
    select
        drift_id as change_id,
        'claude_code_transcript_format' as dependency_name,
        cast(null as varchar) as session_id,
        detected_at,
        concat(element_name, case when field_path is not null then concat('.', field_path) else '' end) as element_path,
        element_kind,
        change,
        change_type,
        classification,
        rule_name,
        reason,
        old_client_version as old_version,
        new_client_version as new_version,
        case
            when change <> 'added' then {{ as_json({'path': 'field_path', 'line_type': 'element_name', 'type': 'old_type'}) }}
        end as old_schema,
        case
            when change <> 'removed' then {{ as_json({'path': 'field_path', 'line_type': 'element_name', 'type': 'new_type'}) }}
        end as new_schema,
        'estimated' as provenance,
        confidence,
        cast(null as varchar) as _source_path,
        cast(null as bigint) as _source_line,
        cast(null as bigint) as _batch_id
    from drift
    where rule_rank = 1
    union all
    select
        change_id,
        case
            when origin = 'transcript' and dependency_type = 'mcp_server' then {{ regex_group('contract_name', '^mcp:(.+?)/') }}
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
        {{ surrogate_key(['gone_or_new.session_id', 'gone_or_new.server_name', 'gone_or_new.tool_name', 'gone_or_new.change']) }},
        gone_or_new.server_name,
        gone_or_new.session_id,
        gone_or_new.created_at,
        gone_or_new.tool_name,
        'tool',
        gone_or_new.change,
        case gone_or_new.change when 'added' then 'field_added' else 'field_removed' end,
        rules.classification,
        rules.rule_name,
        rules.reason,
        null,
        null,
        case when gone_or_new.change = 'removed' then {{ as_json({'tool': 'gone_or_new.tool_name'}) }} end,
        case when gone_or_new.change = 'added' then {{ as_json({'tool': 'gone_or_new.tool_name'}) }} end,
        'observed',
        0.8,
        null,
        null,
        gone_or_new._batch_id
    from gone_or_new
    inner join {{ ref('change_rules') }} as rules on rules.rule_name = concat('tool_', gone_or_new.change)
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
