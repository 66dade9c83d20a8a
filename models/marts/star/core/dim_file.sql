-- Paths of worktrees: `worktrees/<name>`, and `worktrees/<repository>/<name>/<repository>`.
{%- set worktrees = '^.*?[/\\\\._-]worktrees[/\\\\]' %}

-- Rebuilt from scratch each time: a file is touched in many sessions, and its project is looked up among all
-- of them.
with sessions as (
    select
        session_id,
        project_path,
        {{ path_identity('working_dir') }} as working_dir,
        {{ path_identity('worktree_path') }} as worktree_path
    from {{ ref('dim_session') }}
    where project_path <> 'unknown'
),

touched_by_tools as (
    select
        target_path as file_path,
        called_at as seen_at,
        called_at as last_seen_at,
        cast(null as bigint) as size_bytes,
        1 as touches
    from {{ ref('int_tool_call') }}
    where target_path is not null
    union all
    select {{ path_identity('result.filePath') }}, called_at, called_at, cast(null as bigint), 1
    from {{ ref('int_tool_call') }}
    where result.filePath is not null
    union all
    -- The files written by these calls, with their size. The path of a notebook is only in the result.
    select target_path, modified_at, modified_at, file_size_bytes, 0
    from {{ ref('fact_file_modification') }}
    union all
    select {{ path_identity('result.file.filePath') }}, called_at, called_at, result.file.originalSize, 1
    from {{ ref('int_tool_call') }}
    where result.file.filePath is not null
    union all
    select component_name, first_seen_at, last_seen_at, cast(null as bigint), sight_count
    from {{ ref('int_shown_component') }}
    where component_type = 'reference_file'
),

files as (
    select
        file_path,
        min(seen_at) as created_at,
        max(last_seen_at) as last_seen_at,
        min_by(size_bytes, (seen_at, size_bytes)) filter (where size_bytes is not null) as initial_size_bytes,
        cast(greatest(sum(touches), 1) as bigint) as touch_count
    from touched_by_tools
    where file_path is not null and file_path <> ''
    group by file_path
),

named as (
    select
        *,
        -- The root of a disk has no name other than its path.
        coalesce(nullif({{ path_name('file_path') }}, ''), file_path) as file_name
    from files
),

projects as (
    select
        project_path,
        {{ path_name('project_path') }} as project_name,
        {{ is_on_build_server('project_path') }} as is_build_server,
        count(*) as session_count
    from sessions
    group by project_path
),

-- A build server clones the repository under the name that it has elsewhere.
repositories as (
    select
        projects.project_path,
        coalesce(
            max_by(others.project_path, (others.session_count, others.project_path)), projects.project_path
        ) as repository_path
    from projects
    left join projects as others
        on others.project_name = case when projects.is_build_server then projects.project_name end
        and not others.is_build_server
    group by projects.project_path
),

working_dirs as (
    select
        project_path,
        working_dir,
        {{ regex_group('working_dir', worktrees ~ '([^/\\\\]+)') }} as first_part,
        {{ regex_group('working_dir', worktrees ~ '[^/\\\\]+[/\\\\][^/\\\\]+[/\\\\]([^/\\\\]+)') }}
            as third_part,
        {{ regex_group('working_dir', '(' ~ worktrees ~ '[^/\\\\]+)') }} as short_root,
        {{ regex_group('working_dir', '(' ~ worktrees ~ '[^/\\\\]+[/\\\\][^/\\\\]+[/\\\\][^/\\\\]+)') }}
            as long_root
    from (
        select distinct project_path, working_dir from sessions
        where working_dir is not null
    ) as distinct_dirs
),

-- Root folders of checkouts. A session that began in a subfolder of its project adds none.
checkouts as (
    select root_path, min(project_path) as project_path
    from (
        select project_path as root_path, project_path from projects
        union
        select worktree_path, project_path from sessions
        union
        select
            case
                when first_part <> '' and first_part = third_part then long_root
                when short_root <> '' then short_root
                when not starts_with(working_dir || '/', project_path || '/') then working_dir
            end,
            project_path
        from working_dirs
    ) as roots
    where root_path is not null and length(root_path) > 1
    group by root_path
),

-- If checkouts are nested, the innermost one counts.
placed as (
    select
        named.file_path,
        max_by(checkouts.project_path, length(checkouts.root_path)) as project_path,
        max(length(checkouts.root_path)) as root_length
    from named
    inner join checkouts
        on starts_with(named.file_path, checkouts.root_path)
        and substr(named.file_path, length(checkouts.root_path) + 1, 1) in ('/', '\')
    group by named.file_path
)

select
    {{ surrogate_key(['named.file_path']) }} as file_id,
    named.file_path,
    named.created_at,
    named.last_seen_at,
    named.file_name,
    coalesce(nullif(lower({{ regex_group('named.file_name', '[.]([A-Za-z0-9_]+)$') }}), ''), 'none')
        as file_type,
    {{ regex_group('named.file_path', '^(.*)[/\\\\][^/\\\\]*$') }} as folder_path,
    repositories.repository_path as project_path,
    nullif({{ regex_remove(
        "substr(named.file_path, placed.root_length + 2)",
        '^[.]?(claude[/\\\\])?worktrees[/\\\\][^/\\\\]+[/\\\\]'
    ) }}, '') as project_file_path,
    named.initial_size_bytes,
    named.touch_count
from named
left join placed on placed.file_path = named.file_path
left join repositories on repositories.project_path = placed.project_path
