{{ config(materialized='table') }}

-- Memory files and MCP servers that were in a session, from which moment on.
with placed_files as (
    select distinct
        component_name,
        host,
        -- The folder whose sessions load the file: of a user's own memory file every folder.
        case
            when folder is not null or change_basis <> 'scan'
                then {{ regex_remove(
                    'component_name', '([/\\\\][.]claude[/\\\\]rules[/\\\\].*|([/\\\\][.]claude)?[/\\\\][^/\\\\]+)$'
                ) }}
        end as folder
    from {{ ref('int_version_mark') }}
    where component_type = 'reference_file' and not {{ regex_matches('component_name', "'AGENTS[.]md$'") }}
),

sights as (
    select session_id, component_type, component_name, first_seen_at as seen_at
    from {{ ref('int_shown_component') }}
    where component_type = 'reference_file' and shown_by in ('nested_memory', 'context_usage')
    union all
    select session_id, component_type, component_name, first_seen_at
    from {{ ref('int_called_component') }}
    where component_type = 'mcp_server'
    union all
    -- The client loads the memory files of a project's folder and of those above it; no log shows it.
    select
        sessions.session_id,
        'reference_file',
        files.component_name,
        sessions.started_at
    from placed_files as files
    inner join {{ ref('int_session') }} as sessions
        on (files.host is null or sessions.host = files.host)
        and (
            files.folder is null or {{ is_in_folder('sessions.project_path', 'files.folder') }}
        )
)

select
    {{ surrogate_key(['session_id', 'component_type', 'component_name']) }} as sight_id,
    session_id,
    component_type,
    component_name,
    min(seen_at) as seen_at
from sights
where component_name <> '' and session_id is not null
group by session_id, component_type, component_name
