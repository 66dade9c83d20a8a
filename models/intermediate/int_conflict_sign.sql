-- Signs that a file was changed while an agent worked on it: the client's refusals and hints, notes about
-- changed files, and git merge conflicts.
with calls as (
    select
        tool_use_id,
        session_id,
        actor,
        tool_name,
        called_at,
        returned_at,
        turn_id,
        target_path,
        error_type,
        tool_input.command as command,
        result.staleReadFileStateHint as stale_hint,
        coalesce(result.staleRecovered, false) as was_recovered,
        conflicting_paths,
        source_path,
        source_line,
        result_source_path,
        result_source_line,
        _batch_id
    from {{ ref('int_tool_call') }}
),

sessions as (
    select session_id, host, working_dir
    from {{ ref('int_session') }}
),

-- A merge or rebase spans several calls: each `--continue` belongs to the one started last.
git_calls as (
    select
        tool_use_id,
        session_id,
        actor,
        called_at,
        source_line,
        {{ regex_matches(
            regex_replace('command', 'git[^|\\x3b&\\n]*--(?:continue|skip|abort|quit)', ''),
            "'git(?: +-[Cc] +\\S+| +--[a-z-]+(?:=\\S+)?)* +"
            ~ "(?:merge|rebase|pull|cherry-pick|revert|am|stash +(?:pop|apply))(?:\\s|$)'"
        ) }} as is_begun,
        {{ regex_matches('command', "'git[^|\\x3b&\\n]*--(?:continue|skip)'") }} as is_continued,
        contains(command, 'merge-tree') as is_trial
    from calls
    where tool_name in ('Bash', 'PowerShell') and contains(command, 'git ')
),

operations as (
    select
        tool_use_id,
        case
            when is_continued and not is_begun
                then coalesce(
                    last_value(case when is_begun then tool_use_id end ignore nulls) over (
                        partition by session_id, actor order by called_at, source_line, tool_use_id
                        rows between unbounded preceding and 1 preceding
                    ),
                    'begun elsewhere'
                )
            else tool_use_id
        end as operation_id
    from git_calls
    -- `git merge-tree` only simulates a merge.
    where is_begun or is_continued or not is_trial
),

outputs as (
    select
        operations.operation_id,
        calls.tool_use_id,
        calls.session_id,
        calls.actor,
        calls.returned_at as detected_at,
        calls.conflicting_paths as file_paths,
        calls.result_source_path as source_path,
        calls.result_source_line as source_line,
        calls._batch_id
    from calls
    inner join operations on operations.tool_use_id = calls.tool_use_id
    where calls.conflicting_paths is not null
),

-- Hints to an agent that the file is no longer what it read. One hint may name several files.
hinted as (
    select
        calls.*,
        string_split({{ regex_group('calls.stale_hint', "previously read: (.+?)(?:[.] |[.]?\\]|$)") }}, ', ')
            as hinted_paths
    from calls
    where calls.stale_hint is not null
),

signs as (
    select
        {{ surrogate_key(["'modified_since_read'", 'calls.tool_use_id']) }} as conflict_id,
        calls.session_id,
        calls.actor,
        calls.turn_id,
        calls.tool_use_id,
        calls.target_path as file_path,
        coalesce(calls.returned_at, calls.called_at) as detected_at,
        case when calls.was_recovered then 'stale_recovered' else 'modified_since_read' end as detection_rule,
        calls.source_path,
        calls.source_line,
        calls._batch_id
    from calls
    where calls.error_type = 'validation_modified_since_read' or calls.was_recovered
    union all
    select
        {{ surrogate_key(["'edited_text_file'", 'attachments.line_uuid']) }} as conflict_id,
        attachments.session_id,
        attachments.actor,
        turns.turn_id,
        cast(null as varchar) as tool_use_id,
        {{ path_identity('attachments.attachment.filename') }} as file_path,
        attachments.created_at as detected_at,
        'edited_text_file' as detection_rule,
        attachments.source_path,
        attachments.line_number as source_line,
        attachments._batch_id
    from {{ ref('int_attachment') }} as attachments
    left join {{ ref('int_line_turn') }} as turns on turns.line_uuid = attachments.line_uuid
    where attachments.attachment_type = 'edited_text_file'
    union all
    select
        {{ surrogate_key(["'stale_hint'", 'tool_use_id', 'trim(file_path)']) }} as conflict_id,
        session_id,
        actor,
        turn_id,
        tool_use_id,
        nullif(trim(file_path), '') as file_path,
        coalesce(returned_at, called_at) as detected_at,
        'stale_hint' as detection_rule,
        source_path,
        source_line,
        _batch_id
    from {{ explode('hinted', 'hinted_paths', 'file_path', 'path_number') }} as exploded
    union all
    select
        {{ surrogate_key(["'merge_conflict'", 'session_id', 'actor', 'operation_id', 'trim(file_path)']) }}
            as conflict_id,
        session_id,
        actor,
        cast(null as varchar) as turn_id,
        tool_use_id,
        trim(file_path) as file_path,
        detected_at,
        'git_conflict' as detection_rule,
        source_path,
        source_line,
        _batch_id
    from {{ explode('outputs', 'file_paths', 'file_path', 'path_number') }} as exploded
),

-- Git and the client's hints give paths relative to the working directory.
placed as (
    select
        signs.* exclude (file_path),
        case
            when signs.file_path is null or sessions.working_dir is null
                then {{ path_identity('signs.file_path') }}
            else {{ absolute_path('signs.file_path', 'sessions.working_dir') }}
        end as file_path,
        sessions.host
    from signs
    inner join sessions on sessions.session_id = signs.session_id
),

-- The agent's last text or call before it was notified.
previous_lines as (
    select
        placed.conflict_id,
        max(lines.created_at) as written_at,
        max_by(lines.line_uuid, (lines.created_at, lines.line_number)) as line_uuid
    from placed
    inner join {{ ref('int_line') }} as lines
        on lines.session_id = placed.session_id and lines.actor = placed.actor
        and lines.line_type = 'assistant'
        and (
            lines.created_at < placed.detected_at
            or (lines.created_at = placed.detected_at and lines.line_number < placed.source_line)
        )
    where placed.detection_rule = 'edited_text_file'
    group by placed.conflict_id
)

select distinct
    {{ surrogate_key(['placed.conflict_id', 'placed.tool_use_id']) }} as sign_id,
    placed.conflict_id,
    placed.session_id,
    placed.actor,
    placed.turn_id,
    placed.tool_use_id,
    placed.host,
    placed.file_path,
    placed.detected_at,
    placed.detection_rule,
    placed.source_path,
    placed.source_line,
    previous_lines.line_uuid as previous_line_uuid,
    previous_lines.written_at as previous_written_at,
    placed._batch_id
from placed
left join previous_lines on previous_lines.conflict_id = placed.conflict_id
