-- depends_on: {{ ref('artifact_rules') }}
with edits as (
    select
        calls.target_path as artifact_path,
        calls.called_at as first_seen_at,
        calls.called_at as last_seen_at,
        calls.session_id,
        1 as sight_count,
        -- A failed or refused edit changes nothing, but measurements can be about its file.
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
        *,
        'check' as sight
    from {{ ref('int_checked_artifact') }}
),

files as (
    select
        artifact_path,
        min(first_seen_at) as created_at,
        max(last_seen_at) filter (where sight in ('write', 'edit')) as last_modified_at,
        max(last_seen_at) as last_seen_at,
        max_by(session_id, (last_seen_at, session_id)) as last_session_id,
        count(distinct session_id) as session_count,
        count(*) filter (where sight = 'write') as write_count,
        count(*) filter (where sight = 'edit') as edit_count,
        sum(sight_count) filter (where sight = 'check') as direct_check_count,
        min(component_type) as told_type,
        min(component_name) as told_name,
        case when bool_and(provenance = 'recorded') then 'recorded' else 'observed' end as provenance
    from (
        select
            artifact_path,
            first_seen_at,
            last_seen_at,
            session_id,
            sight_count,
            sight,
            null as component_type,
            null as component_name,
            'observed' as provenance
        from edits
        union all
        select
            artifact_path,
            first_seen_at,
            last_seen_at,
            session_id,
            check_count,
            sight,
            component_type,
            component_name,
            provenance
        from checks
        where not is_of_project
    ) as sights
    group by artifact_path
),

sessions as (
    select session_id, project_path, started_at, ended_at from {{ ref('int_session') }}
),

-- A check over a whole project has the project as its artifact.
projects as (
    select
        coalesce(project_path, 'unknown') as artifact_path,
        min(started_at) as created_at,
        max(ended_at) as last_seen_at,
        count(*) as session_count
    from sessions
    group by coalesce(project_path, 'unknown')
),

-- Folders without a session, in which a program ran a check of everything.
folders as (
    select
        checks.artifact_path,
        min(checks.first_seen_at) as created_at,
        max(checks.last_seen_at) as last_seen_at,
        count(distinct checks.session_id) as session_count
    from checks
    anti join projects on projects.artifact_path = checks.artifact_path
    anti join files on files.artifact_path = checks.artifact_path
    where checks.is_of_project
    group by checks.artifact_path
),

whole_projects as (
    select *, 'observed' as provenance from projects
    union all
    select *, 'recorded' as provenance from folders
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
        coalesce({{ path_component_type('files.artifact_path') }}, files.told_type) as component_type,
        coalesce({{ path_component_name('files.artifact_path') }}, files.told_name) as component_name
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
    -- A component without a file is known only from a program.
    case
        when typed.told_name = typed.artifact_path and typed.told_type in ('skill', 'agent', 'command')
            then 'skill'
        else typed.artifact_type
    end as artifact_type,
    typed.artifact_path,
    {{ path_name('typed.artifact_path') }} as artifact_name,
    typed.project_path,
    case when typed.told_name = typed.artifact_path then 'recorded' else typed.type_rule end as type_rule,
    typed.provenance,
    typed.write_count + typed.edit_count > 0 as was_produced,
    cast(typed.session_count as bigint) as session_count,
    cast(typed.write_count as bigint) as write_count,
    cast(typed.edit_count as bigint) as edit_count,
    cast(coalesce(typed.direct_check_count, 0) as bigint) as direct_check_count
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
    provenance,
    false as was_produced,
    cast(session_count as bigint) as session_count,
    cast(0 as bigint) as write_count,
    cast(0 as bigint) as edit_count,
    cast(0 as bigint) as direct_check_count
from whole_projects
