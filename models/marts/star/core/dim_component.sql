{%- set local_folder = '[/\\\\][.]claude[/\\\\](?:commands|skills)[/\\\\]([^/\\\\]+)[/\\\\]' %}
{%- set plugin_folder = '[/\\\\][.]?plugins[/\\\\](?:cache|marketplaces)[/\\\\][^/\\\\]+[/\\\\](?:plugins[/\\\\]|external_plugins[/\\\\])?([^/\\\\]+)[/\\\\]' %}
-- Made anew each time: a component is seen in many sessions.
with calls as (
    select
        tool_use_id,
        tool_name,
        mcp_server,
        called_at,
        error_type,
        target_path,
        tool_input.skill as called_skill,
        tool_input.command as command
    from {{ ref('int_tool_call') }}
),

attachments as (
    select * from {{ ref('stg_transcripts__attachment') }}
),

turns as (
    select * from {{ ref('int_turn') }}
),

skill_bodies as (
    select
        turns.turn_id,
        calls.tool_use_id,
        folders.skill_path
    from {{ ref('int_skill_folder') }} as folders
    left join turns on turns.turn_id = folders.parent_uuid
    left join calls on calls.tool_use_id = folders.source_tool_use_id
),

seen as (
    select
        'skill' as component_type,
        calls.called_skill as component_name,
        skill_bodies.skill_path as file_path,
        calls.called_at as seen_at
    from calls
    left join skill_bodies on skill_bodies.tool_use_id = calls.tool_use_id
    -- A name that the client knows no skill of is none.
    where calls.tool_name = 'Skill' and coalesce(calls.error_type, '') not like 'validation%'
    union all
    select 'skill', turns.command_name, skill_bodies.skill_path, turns.prompted_at
    from turns
    inner join skill_bodies on skill_bodies.turn_id = turns.turn_id
    where lower({{ path_name('skill_bodies.skill_path') }}) = lower({{ regex_group('turns.command_name', '([^:]*)$') }})
    union all
    select offer_type, component_name, null, offered_at from {{ ref('fact_component_offer') }}
    union all
    select 'skill', attribution_skill, null, started_at from {{ ref('int_api_response') }} where attribution_skill is not null
    union all
    select 'command', command_name, null, prompted_at
    from turns
    where prompt_origin = 'command' and turn_id not in (select turn_id from skill_bodies where turn_id is not null)
    union all
    -- A command counts by its text where it is not answered yet; a skill's text may have lost what called it.
    select component_type, skill_name, skill_path, created_at from {{ ref('int_skill_body') }}
    union all
    select 'command', nullif({{ regex_group('command', '^[[:space:]]*/?([^[:space:]]+)') }}, ''), null, called_at
    from calls
    where tool_name = 'SlashCommand'
    union all
    select 'plugin', attribution_plugin, null, started_at from {{ ref('int_api_response') }} where attribution_plugin is not null
    union all
    select 'tool', tool_name, null, called_at from calls
    union all
    select 'mcp_server', mcp_server, null, called_at from calls
    union all
    select 'agent', agent_name, null, started_at from {{ ref('int_actor') }}
    union all
    select
        'reference_file', {{ path_identity('coalesce(attachment.path, attachment.filename)') }},
        {{ path_identity('coalesce(attachment.path, attachment.filename)') }}, created_at
    from attachments
    where attachment_type in ('nested_memory', 'file', 'compact_file_reference', 'already_read_file')
    union all
    select 'hook', attachment.hookName, null, created_at from attachments where attachment.hookName is not null
    union all
    select 'hook', hook_name, null, created_at from {{ ref('stg_transcripts__line') }} where hook_name is not null
    union all
    select
        segments.component_type,
        segments.component_name,
        case when segments.component_type = 'reference_file' then segments.component_name end,
        responses.started_at
    from {{ ref('int_context_segment') }} as segments
    inner join {{ ref('int_context_response') }} as responses
        on responses.thread_id = segments.thread_id and responses.response_number = segments.entered_response_number
    union all
    select 'assistant_output', 'assistant_output', null, started_at from {{ ref('int_api_response') }}
    union all
    select component_type, component_name, file_path, seen_at from {{ ref('int_declared_component') }}
    union all
    select 'tool', 'WebSearch', null, started_at from {{ ref('int_api_response') }} where web_search_count > 0
    union all
    select
        {{ inference_component_type('inference_type') }}, {{ inference_component_name('inference_type') }}, null, started_at
    from {{ ref('int_inference') }}
    where not is_answer
    union all
    -- A call without an id, or with the id of another call, is none that a result could answer, but the response wrote it.
    select distinct 'tool', coalesce(nullif(trim(tool_name), ''), 'unknown'), null, null
    from {{ ref('stg_transcripts__block') }}
    where block_type = 'tool_use'
    union all
    select 'system_prompt', 'outside_of_threads', null, started_at
    from {{ ref('int_api_response') }}
    where thread_position is null and context_tokens > 0
),

components as (
    select
        component_type,
        component_name,
        max(file_path) as file_path,
        min(seen_at) as created_at,
        max(seen_at) as last_seen_at
    from seen
    where component_name is not null and component_name <> ''
    group by all
),

-- Newer clients offer and call commands as skills: one file behind both.
command_files as (
    select
        component_name,
        max(file_path) as file_path
    from components
    where component_type in ('skill', 'command')
    group by component_name
),

-- Commands and skills of a project or a user can have a namespace too: their folder. It is no plugin, whatever the client calls it.
local_folders as (
    select distinct namespace
    from (
        select {{ regex_group('file_path', local_folder) }} as namespace
        from components
        union all
        select {{ regex_group('target_path', local_folder) }}
        from calls
    ) as folders
    where namespace <> ''
),

-- What shows that there is a plugin of a name: a configuration or manifest, the folder that installed plugins lie in, the
-- prefix of its MCP tools. Less sure are the client's own word, which it takes from the name, and agents with a namespace.
plugin_signs as (
    select {{ regex_group('component_name', '^([^@]+)@') }} as plugin_name, true as is_sure
    from components
    where component_type = 'plugin'
    union all
    select {{ regex_group('file_path', plugin_folder) }}, true from components
    union all
    select {{ regex_group('component_name', '^(?:mcp__)?plugin_([^_]+)_') }}, true from components where component_type in ('tool', 'mcp_server')
    union all
    select component_name, false from components where component_type = 'plugin'
    union all
    select {{ regex_group('component_name', '^([^:]+):') }}, false from components where component_type = 'agent'
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
                when component_type in ('tool', 'mcp_server') then {{ regex_group('component_name', '^(?:mcp__)?plugin_([^_]+)_') }}
                when component_type in ('skill', 'command', 'agent') then {{ regex_group('component_name', '^([^:]+):') }}
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
        named.file_path, case when named.component_type in ('skill', 'command') then command_files.file_path end
    ) as file_path,
    plugins.plugin_name,
    named.created_at,
    named.last_seen_at,
    'observed' as provenance
from named
left join plugins on plugins.plugin_name = named.namespace
left join command_files on command_files.component_name = named.component_name
where named.component_type <> 'plugin' or plugins.plugin_name is not null
union all
select
    task_id as component_id,
    left(coalesce(task_description, '(' || task_source || ' without a text in the log)'), 120) as component_name,
    'task' as component_type,
    cast(null as varchar) as file_path,
    cast(null as varchar) as plugin_name,
    created_at,
    completed_at as last_seen_at,
    provenance
from {{ ref('dim_task') }}
