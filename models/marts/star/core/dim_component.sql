{%- set local_folder = '[/\\\\][.]claude[/\\\\](?:commands|skills)[/\\\\]([^/\\\\]+)[/\\\\]' %}
{%- set plugin_folder = '[/\\\\][.]?plugins[/\\\\](?:cache|marketplaces)[/\\\\][^/\\\\]+[/\\\\]'
    ~ '(?:plugins[/\\\\]|external_plugins[/\\\\])?([^/\\\\]+)[/\\\\]' %}
-- Rebuilt from scratch each time: a component is seen in many sessions. A declaration counts from
-- its first time, whichever session it was in.
with declared as (
    select
        component_type,
        component_name,
        file_path,
        case when bool_and(provenance = 'recorded') then 'recorded' else 'observed' end as provenance,
        min(seen_at) as seen_at
    from {{ ref('int_declared_component') }}
    group by component_type, component_name, file_path
),

seen as (
    select component_type, component_name, file_path, first_seen_at, last_seen_at, 'observed' as provenance
    from {{ ref('int_called_component') }}
    union all
    select component_type, component_name, file_path, seen_at, seen_at, provenance
    from declared
    union all
    select offer_type, component_name, null, offered_at, offered_at, 'observed'
    from {{ ref('fact_component_offer') }}
    union all
    select
        component_type,
        component_name,
        case when component_type = 'reference_file' then component_name end,
        first_seen_at,
        last_seen_at,
        'observed'
    from {{ ref('int_shown_component') }}
    -- Of an edited file only a passage is shown, and the components counted by `/context` are in the context
    -- anyway.
    where shown_by not in ('edited_text_file', 'context_usage')
    union all
    select
        component_type,
        component_name,
        case when component_type = 'reference_file' then component_name end,
        laid_at,
        laid_at,
        'observed'
    from {{ ref('int_context_segment') }}
),

components as (
    select
        component_type,
        component_name,
        max(file_path) as file_path,
        min(first_seen_at) as created_at,
        max(last_seen_at) as last_seen_at,
        case when bool_and(provenance = 'recorded') then 'recorded' else 'observed' end as provenance
    from seen
    where component_name is not null and component_name <> ''
    group by all
),

-- Newer clients offer and call commands as skills: both come from the same file.
command_files as (
    select
        component_name,
        max(file_path) as file_path
    from components
    where component_type in ('skill', 'command')
    group by component_name
),

-- Commands and skills of a project or user can have their folder as namespace. Such a namespace is never a
-- plugin.
local_folders as (
    select distinct namespace
    from (
        select {{ regex_group('file_path', local_folder) }} as namespace
        from components
        union all
        select {{ regex_group('target_path', local_folder) }}
        from {{ ref('int_tool_call') }}
    ) as folders
    where namespace <> ''
),

-- Signs that a plugin exists: a configuration or manifest, the folder of installed plugins, the prefix of its
-- MCP tools. Less certain are the client's attribution, which is taken from the name, and agents with a
-- namespace.
plugin_signs as (
    select {{ regex_group('component_name', '^([^@]+)@') }} as plugin_name, true as is_sure
    from components
    where component_type = 'plugin'
    union all
    select {{ regex_group('file_path', plugin_folder) }}, true from components
    union all
    select {{ regex_group('component_name', '^(?:mcp__)?plugin_([^_]+)_') }}, true
    from components
    where component_type in ('tool', 'mcp_server')
    union all
    select component_name, false from components
    where component_type = 'plugin'
    union all
    select {{ regex_group('component_name', '^([^:]+):') }}, false
    from components
    where component_type = 'agent'
),

plugins as (
    select plugin_name
    from plugin_signs
    where plugin_name <> ''
    group by plugin_name
    having bool_or(is_sure) or plugin_name not in (select namespace from local_folders)
),

named as (
    select
        *,
        coalesce(
            nullif({{ regex_group('file_path', plugin_folder) }}, ''),
            case
                when component_type in ('tool', 'mcp_server')
                    then {{ regex_group('component_name', '^(?:mcp__)?plugin_([^_]+)_') }}
                when component_type in ('skill', 'command', 'agent')
                    then {{ regex_group('component_name', '^([^:]+):') }}
                when component_type = 'plugin' then {{ regex_group('component_name', '^([^@]+)') }}
            end
        ) as namespace
    from components
)

select
    {{ surrogate_key(['named.component_type', 'named.component_name']) }} as component_id,
    named.component_name,
    named.component_type,
    coalesce(
        named.file_path,
        case when named.component_type in ('skill', 'command') then command_files.file_path end
    ) as file_path,
    plugins.plugin_name,
    named.created_at,
    named.last_seen_at,
    named.provenance
from named
left join plugins on plugins.plugin_name = named.namespace
left join command_files on command_files.component_name = named.component_name
where named.component_type <> 'plugin' or plugins.plugin_name is not null
union all
select
    task_id as component_id,
    left(coalesce(task_description, '(' || task_source || ' without a text in the log)'), 120)
        as component_name,
    'task' as component_type,
    cast(null as varchar) as file_path,
    cast(null as varchar) as plugin_name,
    created_at,
    completed_at as last_seen_at,
    provenance
from {{ ref('dim_task') }}
