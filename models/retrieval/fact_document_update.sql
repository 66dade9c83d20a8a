with edits as (
    select
        calls.tool_use_id as update_key,
        calls.tool_use_id,
        calls.target_path as document_path,
        calls.session_id,
        actors.agent_id,
        calls.turn_id,
        coalesce(calls.returned_at, calls.called_at) as updated_at,
        calls.called_at as began_at,
        case when calls.tool_name = 'Write' and calls.result.type = 'create' then 'created' else 'modified' end as update_type,
        'edit' as update_source,
        cast(null as varchar) as commit_id,
        calls.source_path,
        calls.source_line,
        calls._batch_id
    from {{ ref('int_tool_call') }} as calls
    inner join {{ ref('int_actor') }} as actors on actors.session_id = calls.session_id and actors.actor = calls.actor
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
        cast(null as varchar) as turn_id,
        committed_at as updated_at,
        committed_at as began_at,
        change_type as update_type,
        'git' as update_source,
        commit_id,
        document_path as source_path,
        cast(null as bigint) as source_line,
        _batch_id
    from {{ ref('stg_code__change') }}
),

-- The commit that an edit went into: the next one of the file that a scan knows, else, of a file in the session's own folders, the
-- next one of its session.
session_commits as (
    select
        events.session_id,
        sessions.project_path,
        sessions.worktree_path,
        sessions.working_dir,
        events.event_at as committed_at,
        {{ regex_group('events.metadata', '"sha":"([^"]+)"') }} as commit_id
    from {{ ref('fact_session_event') }} as events
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = events.session_id
    where events.event_type = 'commit' and events.event_at is not null
),

edit_commits as (
    select
        update_key,
        coalesce(min_by(commit_id, (committed_at, commit_id)) filter (where is_of_file), min_by(commit_id, (committed_at, commit_id)))
            as commit_id
    from (
        select edits.update_key, commits.commit_id, commits.updated_at as committed_at, true as is_of_file
        from edits
        inner join commits on commits.document_path = edits.document_path and commits.updated_at >= edits.updated_at
        union all
        select edits.update_key, session_commits.commit_id, session_commits.committed_at, false
        from edits
        inner join session_commits
            on session_commits.session_id = edits.session_id and session_commits.committed_at >= edits.updated_at
            and session_commits.commit_id <> ''
            and (
                starts_with(edits.document_path, session_commits.project_path || '/')
                or starts_with(edits.document_path, session_commits.worktree_path || '/')
                or starts_with(edits.document_path, session_commits.working_dir || '/')
            )
    ) as later_commits
    group by update_key
),

-- What a scan found changed and no commit explains. Its first look at a file is no change, nor is one that sets the same
-- file aside by a new rule.
looks as (
    select
        *,
        row_number() over (partition by document_path order by _batch_id, is_deleted) as look_number,
        lag(modified_at) over (partition by document_path order by _batch_id, is_deleted) as modified_before_at
    from {{ ref('stg_code__document') }}
),

scans as (
    select
        concat_ws(chr(31), looks.document_path, looks.blob_id, cast(looks.look_number as varchar)) as update_key,
        cast(null as varchar) as tool_use_id,
        looks.document_path,
        cast(null as varchar) as session_id,
        cast(null as varchar) as agent_id,
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
        and case when looks.is_deleted then changes.change_type = 'deleted' else changes.blob_id = looks.blob_id end
    where looks.look_number > 1 and (looks.is_deleted or looks.modified_at is distinct from looks.modified_before_at)
),

updates as (
    select * from edits
    union all
    select * from commits
    union all
    select * from scans
),

-- When the store last saw a document's text: a chunk made then holds it as it was. A scan sees all commits.
known as (
    select
        document_id,
        max(last_seen_at) as last_known_at,
        bool_or(chunk_origin = 'scan') as is_scanned
    from {{ ref('dim_chunk') }}
    where chunk_text is not null
    group by document_id
),

affected as (
    select
        updates.update_key,
        updates.update_source,
        count(*) as chunk_count
    from updates
    inner join {{ ref('dim_chunk') }} as chunks
        on chunks.document_id = {{ surrogate_key(['updates.document_path']) }} and chunks.created_at < updates.updated_at
    where chunks.chunk_text is not null and not chunks.is_cut
    group by updates.update_key, updates.update_source
)

select
    {{ surrogate_key(['updates.update_source', 'updates.update_key']) }} as update_id,
    {{ surrogate_key(['updates.document_path']) }} as document_id,
    updates.session_id,
    updates.agent_id,
    updates.turn_id as task_id,
    updates.tool_use_id as invocation_id,
    coalesce(updates.commit_id, edit_commits.commit_id) as commit_id,
    updates.updated_at,
    updates.update_type,
    updates.update_source,
    'observed' as provenance,
    case when updates.commit_id is not null then 'observed' when edit_commits.commit_id is not null then 'estimated' end as commit_provenance,
    updates.update_type <> 'deleted'
    and not (coalesce(known.is_scanned, false) and updates.update_source <> 'edit')
    and coalesce(known.last_known_at < updates.began_at, true) as reindex_required,
    coalesce(affected.chunk_count, 0) as chunks_affected,
    updates.source_path as _source_path,
    updates.source_line as _source_line,
    updates._batch_id
from updates
left join known on known.document_id = {{ surrogate_key(['updates.document_path']) }}
left join edit_commits on edit_commits.update_key = updates.update_key and updates.update_source = 'edit'
left join affected on affected.update_key = updates.update_key and affected.update_source = updates.update_source
