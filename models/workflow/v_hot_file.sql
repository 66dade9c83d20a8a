{{ config(materialized='view') }}

with edits as (
    select
        file_id,
        count(*) as edit_count,
        count(*) filter (where modification_type = 'create') as creation_count,
        count(distinct edits.session_id) as session_count,
        count(distinct edits.agent_id) as agent_count,
        sum(lines_added) as lines_added,
        sum(lines_deleted) as lines_deleted,
        min(modified_at) as first_edited_at,
        max(modified_at) as last_edited_at
    from {{ ref('fact_file_modification') }} as edits
    group by file_id
),

calls as (
    select
        calls.file_id,
        count(*) filter (where tools.tool_family = 'file_read') as read_count,
        count(*) filter (where tools.tool_family in ('file_edit', 'notebook') and calls.status = 'error') as failed_edit_count
    from {{ ref('fact_tool_invocation') }} as calls
    inner join {{ ref('dim_tool') }} as tools on tools.tool_id = calls.tool_id
    where calls.file_id is not null
    group by calls.file_id
),

conflicts as (
    select file_id, count(*) as conflict_count
    from {{ ref('fact_conflict') }}
    where file_id is not null
    group by file_id
)

select
    edits.file_id,
    files.file_path,
    files.file_type,
    cast(edits.edit_count as bigint) as edit_count,
    cast(edits.creation_count as bigint) as creation_count,
    cast(coalesce(calls.failed_edit_count, 0) as bigint) as failed_edit_count,
    cast(coalesce(calls.read_count, 0) as bigint) as read_count,
    cast(edits.session_count as bigint) as session_count,
    cast(edits.agent_count as bigint) as agent_count,
    cast(coalesce(conflicts.conflict_count, 0) as bigint) as conflict_count,
    cast(edits.lines_added as bigint) as lines_added,
    cast(edits.lines_deleted as bigint) as lines_deleted,
    edits.first_edited_at,
    edits.last_edited_at
from edits
inner join {{ ref('dim_file') }} as files on files.file_id = edits.file_id
left join calls on calls.file_id = edits.file_id
left join conflicts on conflicts.file_id = edits.file_id
