-- The changed lines and files of a session add up from its edits.
with edits as (
    select
        session_id,
        sum(lines_added) as lines_added,
        sum(lines_deleted) as lines_deleted,
        count(distinct file_id) as files_modified
    from {{ ref('fact_file_modification') }}
    where {{ only_touched('session_id in {sessions}') }}
    group by session_id
)

select
    coalesce(sessions.session_id, edits.session_id) as session_id,
    sessions.lines_added,
    edits.lines_added as edited_lines_added,
    sessions.lines_deleted,
    edits.lines_deleted as edited_lines_deleted
from {{ ref('fact_session') }} as sessions
full join edits on edits.session_id = sessions.session_id
where
    {{ only_touched('coalesce(sessions.session_id, edits.session_id) in {sessions}') }}
    and (
        coalesce(sessions.lines_added, 0) <> coalesce(edits.lines_added, 0)
        or coalesce(sessions.lines_deleted, 0) <> coalesce(edits.lines_deleted, 0)
        or coalesce(sessions.files_modified, 0) <> coalesce(edits.files_modified, 0)
    )
