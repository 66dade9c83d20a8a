-- A file of a repository counts as one file, whichever worktree or checkout was edited.
with files as (
    select
        *,
        coalesce(project_path || chr(31) || project_file_path, file_path) as repository_file
    from {{ ref('dim_file') }}
),

edits as (
    select
        files.repository_file,
        count(*) as edit_count,
        count(*) filter (where edits.modification_type = 'create') as creation_count,
        count(distinct files.file_id) as checkout_count,
        count(distinct edits.session_id) as session_count,
        count(distinct edits.agent_id) as agent_count,
        sum(edits.lines_added) as lines_added,
        sum(edits.lines_deleted) as lines_deleted,
        min(edits.modified_at) as first_edited_at,
        max(edits.modified_at) as last_edited_at
    from {{ ref('fact_file_modification') }} as edits
    inner join files on files.file_id = edits.file_id
    group by files.repository_file
),

places as (
    select
        file_id,
        count(*) as edit_count
    from {{ ref('fact_file_modification') }}
    group by file_id
),

-- The row has the id and the path of the checkout in which the file was edited most.
busiest as (
    select
        files.*,
        row_number() over (
            partition by files.repository_file order by places.edit_count desc, files.file_path
        ) as checkout_rank
    from places
    inner join files on files.file_id = places.file_id
),

calls as (
    select
        files.repository_file,
        count(*) filter (where tools.tool_family = 'file_read') as read_count,
        count(*) filter (where tools.tool_family in ('file_edit', 'notebook') and calls.status = 'error')
            as failed_edit_count
    from {{ ref('fact_tool_invocation') }} as calls
    inner join {{ ref('dim_tool') }} as tools on tools.tool_id = calls.tool_id
    inner join files on files.file_id = calls.file_id
    group by files.repository_file
),

conflicts as (
    select
        files.repository_file,
        count(*) filter (where conflicts.is_between_agents) as conflict_count,
        count(*) filter (where conflicts.conflict_type = 'external_change') as external_change_count,
        count(*) filter (where conflicts.conflict_type = 'merge_conflict') as merge_conflict_count
    from {{ ref('fact_conflict') }} as conflicts
    inner join files on files.file_id = conflicts.file_id
    group by files.repository_file
)

select
    busiest.file_id,
    coalesce(busiest.project_file_path, busiest.file_path) as file_path,
    busiest.file_type,
    busiest.project_path,
    cast(edits.edit_count as bigint) as edit_count,
    cast(edits.creation_count as bigint) as creation_count,
    cast(coalesce(calls.failed_edit_count, 0) as bigint) as failed_edit_count,
    cast(coalesce(calls.read_count, 0) as bigint) as read_count,
    cast(edits.checkout_count as bigint) as checkout_count,
    cast(edits.session_count as bigint) as session_count,
    cast(edits.agent_count as bigint) as agent_count,
    cast(coalesce(conflicts.conflict_count, 0) as bigint) as conflict_count,
    cast(coalesce(conflicts.external_change_count, 0) as bigint) as external_change_count,
    cast(coalesce(conflicts.merge_conflict_count, 0) as bigint) as merge_conflict_count,
    cast(edits.lines_added as bigint) as lines_added,
    cast(edits.lines_deleted as bigint) as lines_deleted,
    edits.first_edited_at,
    edits.last_edited_at
from edits
inner join busiest on busiest.repository_file = edits.repository_file and busiest.checkout_rank = 1
left join calls on calls.repository_file = edits.repository_file
left join conflicts on conflicts.repository_file = edits.repository_file
