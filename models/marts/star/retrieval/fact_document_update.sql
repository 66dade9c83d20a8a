{{ config(materialized='incremental', incremental_strategy='replace_changed') }}

with changed as {{ changed_documents() }},

edits as (
    select
        calls.tool_use_id as update_key,
        calls.tool_use_id,
        calls.target_path as document_path,
        calls.session_id,
        actors.agent_id,
        calls.actor,
        calls.turn_id,
        coalesce(calls.returned_at, calls.called_at) as updated_at,
        calls.called_at as began_at,
        case
            when calls.tool_name = 'Write' and calls.result.type = 'create' then 'created'
            else 'modified'
        end as update_type,
        'edit' as update_source,
        cast(null as varchar) as commit_id,
        calls.source_path,
        calls.source_line,
        calls._batch_id
    from {{ ref('int_tool_call') }} as calls
    semi join changed on changed.document_path = calls.target_path
    inner join {{ ref('int_actor') }} as actors
        on actors.session_id = calls.session_id and actors.actor = calls.actor
    where
        calls.call_status = 'ok' and calls.tool_name in ('Edit', 'Write', 'MultiEdit', 'NotebookEdit')
        and calls.target_path is not null and calls.target_path <> ''
),

commits as (
    select
        concat_ws(chr(31), commit_id, document_path) as update_key,
        cast(null as varchar) as tool_use_id,
        document_path,
        cast(null as varchar) as session_id,
        cast(null as varchar) as agent_id,
        cast(null as varchar) as actor,
        cast(null as varchar) as turn_id,
        committed_at as updated_at,
        committed_at as began_at,
        change_type as update_type,
        'git' as update_source,
        commit_id,
        document_path as source_path,
        cast(null as bigint) as source_line,
        _batch_id
    from {{ ref('stg_code__change') }} as changes
    semi join changed on changed.document_path = changes.document_path
),

-- The commit with an edit: the next one of the file that a scan knows, else the next one of its session that
-- was made in the file's checkout and took the file.
session_commits as (
    select
        commits.*,
        sessions.project_path,
        sessions.worktree_path,
        sessions.working_dir
    from {{ ref('int_commit') }} as commits
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = commits.session_id
    where commits.committed_at is not null
),

session_edits as (
    select
        update_key,
        session_id,
        actor,
        document_path,
        replace(document_path, chr(92), '/') as plain_path,
        {{ regex_group('document_path', '^(.*worktrees/[^/]+)/') }} as worktree,
        updated_at,
        source_path,
        source_line
    from edits
),

later_commits as (
    select
        edits.update_key,
        edits.document_path,
        edits.plain_path,
        commits.checkout,
        commits.staged_paths,
        commits.is_whole,
        max(length(commits.checkout)) filter (where commits.is_own_checkout) over (
            partition by edits.update_key
        ) as own_checkout_length,
        length(edits.worktree) as worktree_length,
        commits.commit_id,
        -- A subagent's own commits take precedence. Lines with the same time are in the order of their file.
        (
            edits.actor <> 'main' and commits.actor <> edits.actor, commits.committed_at, commits.source_path,
            commits.source_line,
            commits.command_number, coalesce(commits.commit_id, '')
        ) as commit_order
    from session_edits as edits
    inner join session_commits as commits
        on commits.session_id = edits.session_id and commits.committed_at >= edits.updated_at
        and not (
            commits.committed_at = edits.updated_at
            and commits.source_path = edits.source_path
            and commits.source_line < edits.source_line
        )
        and case
            when commits.checkout is not null then starts_with(edits.document_path, commits.checkout || '/')
            else
                starts_with(edits.document_path, commits.project_path || '/')
                or starts_with(edits.document_path, commits.worktree_path || '/')
                or starts_with(edits.document_path, commits.working_dir || '/')
        end
),

-- A checkout inside another one has its own commits.
commits_of_checkout as (
    select *
    from later_commits
    where checkout is null or length(checkout) >= greatest(coalesce(own_checkout_length, 0), worktree_length)
),

taking_commits as (
    select update_key, commit_id, commit_order
    from commits_of_checkout
    where is_whole
    union all
    select update_key, commit_id, commit_order
    from {{ explode('commits_of_checkout', 'staged_paths', 'staged_path', 'path_number') }} as exploded
    where
        starts_with(plain_path || '/', staged_path || '/')
        -- Used if the folder of the command is not known.
        or (staged_path not like '/%' and contains(plain_path || '/', '/' || staged_path || '/'))
),

edit_commits as (
    select
        edits.update_key,
        coalesce(of_file.commit_id, nullif(of_session.commit_id, '')) as commit_id
    from edits
    left join (
        select
            edits.update_key,
            min_by(commits.commit_id, (commits.updated_at, commits.commit_id)) as commit_id
        from edits
        inner join commits
            on commits.document_path = edits.document_path and commits.updated_at >= edits.updated_at
        group by edits.update_key
    ) as of_file on of_file.update_key = edits.update_key
    left join (
        select
            update_key,
            -- The id of a silent commit is not known.
            min_by(coalesce(commit_id, ''), commit_order) as commit_id
        from taking_commits
        group by update_key
    ) as of_session on of_session.update_key = edits.update_key
),

-- Changes that a scan found and no commit explains. The first look at a file is not a change, nor is one that
-- sets the same file aside by a new rule.
looks as (
    select
        *,
        row_number() over (partition by document_path order by _batch_id, is_deleted) as look_number,
        lag(modified_at) over (partition by document_path order by _batch_id, is_deleted)
            as modified_before_at
    from {{ ref('stg_code__document') }} as documents
    semi join changed on changed.document_path = documents.document_path
),

scans as (
    select
        concat_ws(chr(31), looks.document_path, looks.blob_id, cast(looks.look_number as varchar))
            as update_key,
        cast(null as varchar) as tool_use_id,
        looks.document_path,
        cast(null as varchar) as session_id,
        cast(null as varchar) as agent_id,
        cast(null as varchar) as actor,
        cast(null as varchar) as turn_id,
        case when looks.is_deleted then looks.scanned_at else looks.modified_at end as updated_at,
        looks.modified_at as began_at,
        case when looks.is_deleted then 'deleted' else 'modified' end as update_type,
        'scan' as update_source,
        cast(null as varchar) as commit_id,
        looks.document_path as source_path,
        cast(null as bigint) as source_line,
        looks._batch_id
    from looks
    anti join {{ ref('stg_code__change') }} as changes
        on changes.document_path = looks.document_path
        and case when changes.change_type = 'deleted' then '' else changes.blob_id end
        = case when looks.is_deleted then '' else looks.blob_id end
    where
        looks.look_number > 1
        and (looks.is_deleted or looks.modified_at is distinct from looks.modified_before_at)
),

updates as (
    select * from edits
    union all
    select * from commits
    union all
    select * from scans
),

-- When the store last saw a document's text: a chunk made then is up to date. A scan sees all commits.
known as (
    select
        document_id,
        max(last_seen_at) as last_known_at,
        bool_or(chunk_origin = 'scan') as is_scanned
    from {{ ref('dim_chunk') }} as chunks
    semi join changed on changed.document_id = chunks.document_id
    where chunk_text is not null
    group by document_id
),

affected as (
    select
        updates.update_key,
        updates.update_source,
        count(*) as chunk_count
    from updates
    inner join changed on changed.document_path = updates.document_path
    inner join {{ ref('dim_chunk') }} as chunks
        on chunks.document_id = changed.document_id and chunks.created_at < updates.updated_at
    where chunks.chunk_text is not null and not chunks.is_cut
    group by updates.update_key, updates.update_source
)

select
    {{ surrogate_key(['updates.update_source', 'updates.update_key']) }} as update_id,
    changed.document_id,
    updates.session_id,
    updates.agent_id,
    updates.turn_id as task_id,
    updates.tool_use_id as invocation_id,
    coalesce(updates.commit_id, edit_commits.commit_id) as commit_id,
    updates.updated_at,
    updates.update_type,
    updates.update_source,
    'observed' as provenance,
    case
        when updates.commit_id is not null then 'observed'
        when edit_commits.commit_id is not null then 'estimated'
    end as commit_provenance,
    updates.update_type <> 'deleted'
    and not (coalesce(known.is_scanned, false) and updates.update_source <> 'edit')
    and coalesce(known.last_known_at < updates.began_at, true) as reindex_required,
    coalesce(affected.chunk_count, 0) as chunks_affected,
    updates.source_path as _source_path,
    updates.source_line as _source_line,
    updates._batch_id,
    changed._state
from updates
inner join changed on changed.document_path = updates.document_path
left join known on known.document_id = changed.document_id
left join edit_commits
    on edit_commits.update_key = case when updates.update_source = 'edit' then updates.update_key end
left join affected
    on affected.update_key = updates.update_key and affected.update_source = updates.update_source
