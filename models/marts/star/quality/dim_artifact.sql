-- depends_on: {{ ref('artifact_rules') }}
with edits as (
    select
        calls.target_path as artifact_path,
        calls.called_at as seen_at,
        calls.session_id,
        -- An edit that failed or was refused changes nothing, but measurements are about its file.
        case
            when not coalesce(calls.is_success, false) then 'attempt'
            when calls.tool_name = 'Write' then 'write'
            else 'edit'
        end as sight
    from {{ ref('int_tool_call') }} as calls
    inner join {{ ref('tool_types') }} as types on types.tool_name = calls.tool_name
    where
        types.tool_family in ('file_edit', 'notebook') and not types.is_read_only
        and calls.target_path is not null and calls.target_path <> ''
),

checks as (
    select
        target_path as artifact_path,
        ran_at as seen_at,
        session_id,
        'check' as sight
    from {{ ref('int_check_run') }}
    where target_path is not null and target_file_count = 1
),

-- Component scans add their files here, once a model brings them: path, time, no session.
files as (
    select
        artifact_path,
        min(seen_at) as created_at,
        max(seen_at) filter (where sight in ('write', 'edit')) as last_modified_at,
        max(seen_at) as last_seen_at,
        max_by(session_id, (seen_at, session_id)) as last_session_id,
        count(distinct session_id) as session_count,
        count(*) filter (where sight = 'write') as write_count,
        count(*) filter (where sight = 'edit') as edit_count,
        count(*) filter (where sight = 'check') as direct_check_count
    from (
        select artifact_path, seen_at, session_id, sight from edits
        union all
        select artifact_path, seen_at, session_id, sight from checks
    ) as sights
    group by artifact_path
),

sessions as (
    select session_id, project_path, started_at, ended_at from {{ ref('int_session') }}
),

-- What runs over a whole project has the project as its artifact.
projects as (
    select
        coalesce(project_path, 'unknown') as artifact_path,
        min(started_at) as created_at,
        max(ended_at) as last_seen_at,
        count(*) as session_count
    from sessions
    group by coalesce(project_path, 'unknown')
),

typed as (
    select
        files.*,
        sessions.project_path,
        {{ rule_cases(
            'artifact_rules', {'text': 'regexp_matches(files.artifact_path, {pattern})'}, 'rule_name'
        ) }} as type_rule,
        {{ rule_cases(
            'artifact_rules', {'text': 'regexp_matches(files.artifact_path, {pattern})'}, 'artifact_type'
        ) }} as artifact_type,
        {{ path_component_type('files.artifact_path') }} as component_type,
        {{ path_component_name('files.artifact_path') }} as component_name
    from files
    left join sessions on sessions.session_id = files.last_session_id
    anti join projects on projects.artifact_path = files.artifact_path
)

select
    {{ surrogate_key(['typed.artifact_path']) }} as artifact_id,
    components.component_id,
    dim_file.file_id,
    typed.created_at,
    typed.last_modified_at,
    typed.last_seen_at,
    typed.artifact_type,
    typed.artifact_path,
    {{ path_name('typed.artifact_path') }} as artifact_name,
    typed.project_path,
    typed.type_rule,
    'observed' as provenance,
    typed.write_count + typed.edit_count > 0 as was_produced,
    cast(typed.session_count as bigint) as session_count,
    cast(typed.write_count as bigint) as write_count,
    cast(typed.edit_count as bigint) as edit_count,
    cast(typed.direct_check_count as bigint) as direct_check_count
from typed
left join {{ ref('dim_component') }} as components
    on components.component_type = typed.component_type and components.component_name = typed.component_name
left join {{ ref('dim_file') }} as dim_file on dim_file.file_path = typed.artifact_path
union all
select
    {{ surrogate_key(['artifact_path']) }} as artifact_id,
    cast(null as varchar) as component_id,
    cast(null as varchar) as file_id,
    created_at,
    cast(null as timestamp) as last_modified_at,
    last_seen_at,
    'project' as artifact_type,
    artifact_path,
    coalesce(nullif({{ path_name('artifact_path') }}, ''), artifact_path) as artifact_name,
    artifact_path as project_path,
    'project' as type_rule,
    'observed' as provenance,
    false as was_produced,
    cast(session_count as bigint) as session_count,
    cast(0 as bigint) as write_count,
    cast(0 as bigint) as edit_count,
    cast(0 as bigint) as direct_check_count
from projects
