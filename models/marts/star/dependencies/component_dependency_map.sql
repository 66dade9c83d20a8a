with agents as (
    select
        {{ surrogate_key(["'agent'", 'agents.agent_name']) }} as component_id,
        uses.dependency_name,
        uses.dependency_type,
        case uses.dependency_type when 'skill' then 'depends_on' else 'consumes' end as relationship_type,
        uses.first_used_at as first_seen_at,
        uses.last_used_at as last_seen_at,
        uses.use_count,
        'observed' as provenance
    from {{ ref('int_dependency_use') }} as uses
    inner join {{ ref('dim_agent') }} as agents on agents.agent_id = uses.agent_id
    where uses.dependency_type in ('api_endpoint', 'mcp_server', 'skill')
),

tools as (
    select
        {{ surrogate_key(["'tool'", 'tool_name']) }} as component_id,
        dependency_name,
        dependency_type,
        case dependency_type when 'mcp_server' then 'depends_on' else 'consumes' end as relationship_type,
        first_used_at as first_seen_at,
        last_used_at as last_seen_at,
        use_count,
        'observed' as provenance
    from {{ ref('int_dependency_use') }}
    where tool_name is not null and dependency_type <> 'skill'
),

-- Dependencies that the component's own file names: skills to preload, MCP servers and their tools.
declared as (
    select
        component_id,
        case
            when entry.type = 'tool' then {{ regex_group('entry.name', '^mcp__(.+?)(?:__|$)') }}
            else entry.name
        end as dependency_name,
        case when entry.type = 'tool' then 'mcp_server' else entry.type end as dependency_type,
        'depends_on' as relationship_type,
        measured_at as first_seen_at,
        last_seen_at,
        0 as use_count,
        'observed' as provenance
    from {{ explode(
        "(select * from " ~ ref(
            'int_component_version'
        ) ~ " where entry_list is not null and component_type in ('agent', 'skill', 'command', 'plugin'))",
        'entry_list', 'entry', 'entry_number'
    ) }} as exploded
    where
        entry.type in ('skill', 'mcp_server', 'plugin')
        or (entry.type = 'tool' and entry.name like 'mcp\_\_%' escape '\')
    union all
    -- The parts of a plugin are installed and removed with it.
    select
        component_id,
        plugin_name,
        'plugin',
        'depends_on',
        measured_at,
        last_seen_at,
        0,
        'observed'
    from {{ ref('int_component_version') }}
    where plugin_name is not null and component_type in ('skill', 'agent', 'command')
),

listed_entries as (
    select
        source_name,
        dependency_type,
        first_listed_at,
        listed_at,
        skill_list,
        component_list
    from {{ ref('stg_sources__entry') }}
    where is_listed and is_newest_of_name
),

listed as (
    select
        {{ surrogate_key(["'skill'", 'skill_name']) }} as component_id,
        source_name as dependency_name,
        dependency_type,
        'consumes' as relationship_type,
        first_listed_at as first_seen_at,
        listed_at as last_seen_at,
        0 as use_count,
        'recorded' as provenance
    from {{ explode('listed_entries', 'skill_list', 'skill_name', 'skill_number') }} as exploded
    union all
    select
        {{ surrogate_key(
            [regex_group('component_label', '^([a-z_]+):'), regex_group('component_label', '^[a-z_]+:(.+)$')]
        ) }},
        source_name,
        dependency_type,
        'consumes',
        first_listed_at,
        listed_at,
        0,
        'recorded'
    from {{ explode('listed_entries', 'component_list', 'component_label', 'component_number') }} as exploded
    where component_label like '%:%'
),

-- A skill depends on the hosts that its files cite.
cited as (
    select
        {{ surrogate_key(['component_type', 'component_name']) }} as component_id,
        {{ url_host('page_url') }} as dependency_name,
        'web_host' as dependency_type,
        'consumes' as relationship_type,
        first_seen_at,
        last_seen_at,
        0 as use_count,
        'observed' as provenance
    from {{ ref('int_page_mention') }}
    where mention_type = 'cited' and component_type is not null
),

found as (
    select * from agents
    union all
    select * from tools
    union all
    select * from declared
    union all
    select * from listed
    union all
    select * from cited
),

dependencies as (
    select
        dependency_id,
        dependency_type,
        {{ regex_remove('dependency_name', '^(mcp_server|skill|plugin):') }} as dependency_name
    from {{ ref('dim_dependency') }}
)

select
    found.component_id,
    dependencies.dependency_id,
    case
        when bool_or(found.relationship_type = 'depends_on') then 'depends_on'
        else 'consumes'
    end as relationship_type,
    min(found.first_seen_at) as first_seen_at,
    max(found.last_seen_at) as last_seen_at,
    case when bool_or(found.provenance = 'recorded') then 'recorded' else 'observed' end as provenance,
    cast(sum(found.use_count) as bigint) as use_count
from found
inner join dependencies
    on dependencies.dependency_name = found.dependency_name
    and (
        dependencies.dependency_type = found.dependency_type
        or (
            dependencies.dependency_type not in ('skill', 'plugin')
            and found.dependency_type not in ('skill', 'plugin')
        )
    )
inner join {{ ref('dim_component') }} as components on components.component_id = found.component_id
where found.component_id <> dependencies.dependency_id
group by found.component_id, dependencies.dependency_id
