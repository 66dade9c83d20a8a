with source as (
    select * from {{ source('raw', 'source_file') }}
),

named as (
    select
        *,
        {{ regex_group("path", "([^/]+?)(?:[.]jsonl(?:[.]gz)?|[.]meta[.]json|[.]json|[.]txt)?$") }}
            as file_stem,
        {{ regex_group(
            "path",
            "([^/]+)/(?:(?:subagents|tool-results|workflows)/|custom-title[.]json$|audit[.]jsonl(?:[.]gz)?$)"
        ) }} as parent_folder,
        {{ regex_group("path", "(?:^|/)projects/([^/]+)/") }} as project_slug
    from source
)

select
    file_id,
    case
        when kind in ('session', 'other', 'session_environment') then file_stem
        else nullif(parent_folder, '')
    end as file_session_id,
    case
        when kind in ('subagent', 'workflow_agent', 'agent_meta')
            then {{ regex_group("file_stem", "^(?:agent-)?(.+)$") }}
    end as file_agent_id,
    kind as file_kind,
    host,
    root,
    path,
    nullif(project_slug, '') as project_slug,
    generation,
    modified_at,
    size_bytes,
    line_count,
    _batch_id
from named
