-- Dependencies of components. A dependency that is itself a component (an MCP server, a skill) has the
-- component's key, so that dependents can be followed from one to the next.
with uses as (
    select
        dependency_name,
        dependency_type,
        first_used_at as first_seen_at,
        last_used_at as last_seen_at,
        'observed' as provenance,
        cast(null as varchar) as spec_url,
        cast(null as varchar) as owner
    from {{ ref('int_dependency_use') }}
),

listed as (
    select
        source_name,
        dependency_type,
        first_listed_at,
        listed_at,
        'recorded' as provenance,
        url,
        owner
    from {{ ref('stg_sources__entry') }}
    where is_newest_of_name and set_aside_reason is null
),

contracts as (
    select
        case
            when origin = 'transcript' and dependency_type = 'mcp_server'
                then {{ regex_group('contract_name', '^mcp:(.+?)/') }}
            when origin = 'transcript' then 'claude_code_tools'
            else contract_name
        end as dependency_name,
        dependency_type,
        coalesce(released_at, landed_at) as first_seen_at,
        coalesce(released_at, landed_at) as last_seen_at,
        case when origin = 'transcript' then 'observed' else 'recorded' end as provenance,
        case when origin <> 'transcript' then source_path end as spec_url,
        cast(null as varchar) as owner
    from {{ ref('stg_contracts__version') }}
),

-- Components that others name: MCP servers and skills.
depended as (
    select
        component_name as dependency_name,
        component_type as dependency_type,
        created_at as first_seen_at,
        last_seen_at,
        provenance,
        cast(null as varchar) as spec_url,
        cast(null as varchar) as owner
    from {{ ref('dim_component') }}
    where component_type in ('mcp_server', 'skill', 'plugin')
    union all
    select
        entry.name,
        entry.type,
        modified_at as first_seen_at,
        modified_at as last_seen_at,
        'observed',
        case when entry.type = 'mcp_server' and entry.target like '%://%' then entry.target end,
        null
    from {{ explode(
        "(select * from " ~ ref('stg_components__version') ~ " where entry_list is not null)", 'entry_list',
        'entry', 'entry_number'
    ) }} as exploded
    where entry.type in ('mcp_server', 'skill', 'plugin')
),

format as (
    select
        'claude_code_transcript_format' as dependency_name,
        'file_format' as dependency_type,
        min(started_at) as first_seen_at,
        max(ended_at) as last_seen_at,
        'observed' as provenance,
        cast(null as varchar) as spec_url,
        cast(null as varchar) as owner
    from {{ ref('dim_session') }}
),

recorded as (
    select
        trim(payload.dependency_name) as dependency_name,
        coalesce(nullif(lower(trim(payload.dependency_type)), ''), 'external_service') as dependency_type,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at,
        'recorded' as provenance,
        cast(null as varchar) as spec_url,
        cast(null as varchar) as owner
    from {{ ref('int_recorded_event') }}
    where event_kind = 'dependency_check'
),

found as (
    select *, false as is_told from uses
    union all
    select *, false from listed
    union all
    select *, false from contracts
    union all
    select *, false from depended
    union all
    select *, false from format
    union all
    select *, true from recorded
),

-- What the store itself knows about a name, and what programs report about it.
names as (
    select
        dependency_name,
        bool_or(not is_told and dependency_type = 'mcp_server') as is_known_server,
        bool_or(not is_told and dependency_type not in ('mcp_server', 'skill', 'plugin'))
            as is_known_otherwise,
        bool_or(dependency_type = 'mcp_server') as is_called_server
    from found
    group by dependency_name
),

-- A list, a contract or a program can refer to an MCP server by its name: that is the same server.
typed as (
    select
        found.*,
        case
            when found.dependency_type in ('skill', 'plugin') then found.dependency_type
            when
                names.is_known_server
                and (
                    found.is_told
                    or found.dependency_type in ('mcp_server', 'external_service', 'api_endpoint')
                )
                then 'mcp_server'
            when found.is_told and not names.is_known_otherwise and names.is_called_server then 'mcp_server'
            when found.is_told and found.dependency_type = 'mcp_server' then 'external_service'
            else found.dependency_type
        end as type_found
    from found
    inner join names on names.dependency_name = found.dependency_name
    where found.dependency_name <> ''
),

keyed as (
    select
        case
            when type_found in ('mcp_server', 'skill', 'plugin')
                then {{ surrogate_key(['type_found', 'dependency_name']) }}
            else {{ surrogate_key(["'dependency'", 'dependency_name']) }}
        end as dependency_id,
        case
            when type_found in ('mcp_server', 'skill', 'plugin') then concat(type_found, ':', dependency_name)
            else dependency_name
        end as dependency_name,
        case
            when type_found = 'claude_code_tools' then 'external_service'
            else type_found
        end as dependency_type,
        spec_url,
        owner,
        first_seen_at,
        last_seen_at,
        provenance,
        is_told
    from typed
)

select
    dependency_id,
    min(dependency_name) as dependency_name,
    -- The type that a program gives, unless the store knows the type itself.
    coalesce(min(dependency_type) filter (where not is_told), min(dependency_type)) as dependency_type,
    max(spec_url) as spec_url,
    max(owner) as owner,
    min(first_seen_at) as created_at,
    max(last_seen_at) as last_seen_at,
    case when bool_or(provenance = 'recorded') then 'recorded' else 'observed' end as provenance
from keyed
group by dependency_id
