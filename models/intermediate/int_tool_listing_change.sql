-- Tools added to or removed from a server's list, as shown by sessions; the lists of one project form a
-- sequence.
with listings as (
    select
        attachments.session_id,
        attachments.created_at,
        attachments._batch_id,
        coalesce(sessions.project_path, '') as project_path,
        sessions.host,
        lines.source_path,
        lines.line_number as source_line,
        attachments.attachment.addedNames as tool_names,
        row_number() over (
            partition by attachments.session_id order by attachments.created_at, attachments.line_uuid
        ) as listing_number
    from {{ ref('stg_transcripts__attachment') }} as attachments
    inner join {{ ref('int_session') }} as sessions on sessions.session_id = attachments.session_id
    inner join {{ ref('stg_transcripts__line') }} as lines on lines.line_id = attachments.line_id
    where attachments.attachment_type = 'deferred_tools_delta' and attachments.agent_run_id is null
),

offered as (
    select
        session_id,
        project_path,
        host,
        {{ mcp_server_of('tool_name') }} as server_name,
        {{ mcp_tool_of('tool_name') }} as tool_name,
        min(created_at) as created_at,
        min_by(source_path, (created_at, source_path, source_line)) as source_path,
        min_by(source_line, (created_at, source_path, source_line)) as source_line,
        max(_batch_id) as _batch_id
    from {{ explode('listings', 'tool_names', 'tool_name', 'tool_number') }} as exploded
    where {{ mcp_server_of('tool_name') }} is not null
    group by all
),

-- A list with only these two tools is that of a server without sign-in: it reveals nothing about its tools.
signed_in as (
    select offered.*
    from offered
    inner join (
        select session_id, server_name
        from offered
        group by session_id, server_name
        having not bool_and(tool_name in ('authenticate', 'complete_authentication'))
    ) as lists on lists.session_id = offered.session_id and lists.server_name = offered.server_name
    where offered.tool_name not in ('authenticate', 'complete_authentication')
),

server_sessions as (
    select
        *,
        row_number() over (partition by host, project_path, server_name order by created_at, session_id)
            as session_number,
        count(*) over (partition by host, project_path, server_name) as session_count
    from (
        select
            session_id,
            project_path,
            host,
            server_name,
            min(created_at) as created_at,
            min_by(source_path, (created_at, source_path, source_line)) as source_path,
            min_by(source_line, (created_at, source_path, source_line)) as source_line,
            max(_batch_id) as _batch_id
        from signed_in
        group by all
    ) as sessions
),

tools as (
    select
        server_sessions.host,
        server_sessions.project_path,
        server_sessions.server_name,
        signed_in.tool_name,
        server_sessions.session_count,
        min(server_sessions.session_number) as first_number,
        max(server_sessions.session_number) as last_number
    from server_sessions
    inner join signed_in
        on signed_in.session_id = server_sessions.session_id
        and signed_in.server_name = server_sessions.server_name
    group by all
)

-- Added: not in the first list. Removed: missing from at least the last two lists, because one list may be
-- incomplete.
select
    server_sessions.session_id,
    server_sessions.created_at,
    server_sessions.server_name,
    changes.tool_name,
    changes.change,
    server_sessions.source_path,
    server_sessions.source_line,
    server_sessions._batch_id
from (
    select *, first_number as session_number, 'added' as change from tools
    where first_number > 1
    union all
    select *, last_number + 1 as session_number, 'removed' as change
    from tools
    where last_number <= session_count - 2
) as changes
inner join server_sessions
    on server_sessions.host = changes.host and server_sessions.project_path = changes.project_path
    and server_sessions.server_name = changes.server_name
    and server_sessions.session_number = changes.session_number
