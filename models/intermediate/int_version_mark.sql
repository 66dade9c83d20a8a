{%- set is_memory_file = regex_matches(
    'component_name', "'(^|[/\\\\])(CLAUDE([.]local)?|AGENTS)[.]md$|(^|[/\\\\])[.]claude[/\\\\]rules[/\\\\]'"
) %}
{{ config(materialized='table') }}

-- When versions of agents, memory files and MCP servers began. Skills and commands show their text at each
-- call and need no dates.
with found as (
    -- A conversation shows the text of a memory file as it was then.
    select
        component_type,
        component_name,
        cast(null as varchar) as folder,
        cast(null as varchar) as host,
        content_hash as version_hash,
        created_at as began_at,
        'transcript' as change_basis
    from {{ ref('int_component_body') }}
    where component_type = 'reference_file' and {{ is_memory_file }}
    union all
    select
        component_type,
        component_name,
        cast(null as varchar) as folder,
        cast(null as varchar) as host,
        content_hash,
        occurred_at,
        'recorded'
    from {{ ref('int_recorded_component') }}
    where content_hash is not null and component_type in ('agent', 'reference_file', 'mcp_server')
    union all
    select
        component_type,
        component_name,
        case when scope = 'project' then root end as folder,
        host,
        content_hash,
        modified_at,
        'scan'
    from {{ ref('stg_components__version') }}
    where
        set_aside_reason is null
        and (
            (component_type = 'agent' and file_role = 'main')
            or (component_type = 'reference_file' and file_role in ('memory', 'rule'))
        )
    union all
    -- The name of a server is spelled as in the names of its tools.
    select
        'mcp_server',
        {{ regex_replace('entry.name', '[^A-Za-z0-9_-]', '_') }},
        case when scope = 'project' then root end as folder,
        host,
        md5(concat_ws(chr(31), entry.target, entry.transport, entry.environment)),
        modified_at,
        'scan'
    from {{ explode(
        "(select * from " ~ ref('stg_components__version') ~ " where entry_list is not null)", 'entry_list',
        'entry', 'entry_number'
    ) }} as exploded
    where entry.type = 'mcp_server' and component_type in ('mcp_config', 'settings', 'plugin')
    union all
    -- The text before and after an edit or a commit is not needed to know that it changed.
    select
        component_type,
        component_name,
        nullif({{ regex_group('file_path', '^(.*?)[/\\\\][.]claude[/\\\\]') }}, '') as folder,
        cast(null as varchar) as host,
        case
            when mode = 'commit' then commit_hash
            else concat('edit of ', strftime(attempted_at, '%Y-%m-%d %H:%M'))
        end,
        attempted_at,
        case when mode = 'commit' then 'commit' else 'edit' end
    from {{ ref('int_update_attempt') }}
    where status = 'applied' and component_type in ('agent', 'reference_file')
    union all
    select
        'mcp_server',
        changes.server_name,
        sessions.project_path as folder,
        sessions.host,
        {{ joined_texts(
            "concat(case when changes.change = 'added' then '+' else '-' end, changes.tool_name)",
            'changes.change, changes.tool_name'
        ) }},
        min(changes.created_at),
        'tool_list'
    from {{ ref('int_tool_listing_change') }} as changes
    inner join {{ ref('int_session') }} as sessions on sessions.session_id = changes.session_id
    group by changes.server_name, sessions.project_path, sessions.host, changes.session_id
),

named as (
    select
        *,
        case change_basis
            when 'transcript' then 1 when 'recorded' then 2 when 'commit' then 3 when 'scan' then 4
            when 'edit' then 5 else 6
        end as basis_rank
    from found
    where component_name <> '' and version_hash <> '' and began_at is not null
),

-- Each basis dates the same change differently, so that one of them counts for a component: the first that
-- knows two versions. What is known only by its changes had one more version, before the first of them.
bases as (
    select
        component_type,
        component_name,
        basis_rank,
        row_number() over (partition by component_type, component_name order by basis_rank) as choice
    from named
    group by component_type, component_name, basis_rank
    having count(distinct version_hash) >= case when basis_rank >= 5 then 1 else 2 end
),

chosen as (
    select named.*
    from named
    inner join bases
        on bases.component_type = named.component_type and bases.component_name = named.component_name
        and bases.basis_rank = named.basis_rank and bases.choice = 1
),

marks as (
    select component_type, component_name, folder, host, version_hash, change_basis, began_at
    from chosen
    union all
    select distinct
        component_type,
        component_name,
        folder,
        host,
        'earlier',
        change_basis,
        cast('1970-01-01' as timestamp)
    from chosen
    where change_basis in ('edit', 'tool_list')
)

select
    {{ surrogate_key(
        ['component_type', 'component_name', 'folder', 'host', 'version_hash', 'change_basis', 'began_at']
    ) }} as mark_id,
    component_type,
    component_name,
    folder,
    host,
    case
        when change_basis = 'tool_list' and version_hash <> 'earlier' then md5(version_hash)
        else version_hash
    end as version_hash,
    change_basis,
    began_at
from marks
group by component_type, component_name, folder, host, version_hash, change_basis, began_at
