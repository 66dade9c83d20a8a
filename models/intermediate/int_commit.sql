{{ config(materialized='table') }}

-- Clients before 2.1.160 do not log git operations. The output is read instead: git's own line for a commit,
-- the log line after a silent commit if its subject is in the command, the short output of a wrapper. A call
-- that failed afterwards has nevertheless committed.
with calls as (
    select
        tool_use_id,
        session_id,
        actor,
        line_uuid,
        called_at,
        returned_at,
        call_status,
        tool_input.command as call_text,
        result.gitOperation.commit.sha as logged_id,
        result.gitOperation.commit.branch as logged_branch,
        result.gitOperation.commit.kind as logged_kind,
        commit_lines,
        git_branch,
        source_path,
        source_line,
        _batch_id
    from {{ ref('int_tool_call') }}
    where
        {{ regex_matches('tool_input.command', "'\\b(git|mv)\\b'") }}
        or result.gitOperation.commit.sha is not null or commit_lines is not null
),

commit_texts as (
    select
        *,
        nullif({{ regex_group('commit_line', '^(?:\\[(?:[^\\]]+ )?|ok(?: ✓)? )?([0-9a-f]{7,40})\\b') }}, '')
            as commit_id,
        nullif(
            nullif(
                {{ regex_group('commit_line', '^\\[([^ \\]]+)(?: \\(root-commit\\))? [0-9a-f]{7,40}\\]') }},
                ''
            ), 'detached'
        ) as commit_branch,
        nullif(trim({{ regex_group('commit_line', '^(?:\\[[^\\]]+\\]|[0-9a-f]{7,40}) (.*)$') }}), '')
            as commit_subject
    from {{ explode('calls', 'commit_lines', 'commit_line', 'commit_line_number') }} as exploded
),

printed as (
    select
        *,
        case
            when {{ regex_matches('call_text', "'\\bgit\\b[^\\n\\x3b&|\"]*\\scherry-pick\\b'") }}
                then 'cherry-picked'
            when {{ regex_matches('call_text', "'\\bgit\\b[^\\n\\x3b&|\"]*\\srevert\\b'") }} then 'reverted'
            when contains(call_text, '--amend') then 'amended'
            else 'committed'
        end as commit_kind,
        row_number() over (partition by tool_use_id, commit_id order by commit_line_number) as print_rank
    from commit_texts
    where
        logged_id is null and commit_id is not null
        and (
            commit_line like '[%' or commit_line like 'ok%'
            or (length(commit_subject) >= 8 and contains(call_text, commit_subject))
        )
),

commit_commands as (
    select
        *,
        row_number() over (partition by tool_use_id order by command_number) as commit_number,
        count(*) over (partition by tool_use_id) as commit_count
    from {{ ref('int_git_command') }}
    where git_command = 'commit'
),

made as (
    select
        {{ surrogate_key(['tool_use_id', "'commit'"]) }} as commit_key,
        tool_use_id,
        logged_id as commit_id,
        logged_branch as commit_branch,
        logged_kind as commit_kind,
        cast(null as varchar) as commit_subject,
        'observed' as provenance,
        1 as commit_number
    from calls
    where logged_id is not null
    union all
    select
        {{ surrogate_key(['tool_use_id', "'commit'", 'commit_id']) }},
        tool_use_id,
        commit_id,
        commit_branch,
        commit_kind,
        commit_subject,
        'estimated',
        row_number() over (partition by tool_use_id order by commit_line_number)
    from printed
    where print_rank = 1
    union all
    -- A silent commit that no output identifies.
    select
        {{ surrogate_key(['commands.tool_use_id', "'silent'", 'cast(commands.command_number as varchar)']) }},
        commands.tool_use_id,
        null,
        null,
        null,
        null,
        'estimated',
        commands.commit_number
    from commit_commands as commands
    inner join calls on calls.tool_use_id = commands.tool_use_id
    anti join printed on printed.tool_use_id = commands.tool_use_id
    where calls.logged_id is null and calls.call_status = 'ok' and commands.is_surely_quiet
),

commits as (
    select
        made.*,
        commands.command_number,
        commands.folder,
        commands.checkout,
        commands.is_own_checkout,
        coalesce(commands.is_whole, true) as is_whole
    from made
    left join commit_commands as commands
        on commands.tool_use_id = made.tool_use_id
        and commands.commit_number = least(made.commit_number, commands.commit_count)
),

-- A commit takes the files staged in its checkout since the previous commit.
steps as (
    select
        tool_use_id, command_number, checkout, cast(null as varchar) as commit_key, git_command, paths,
        is_whole
    from {{ ref('int_git_command') }}
    where git_command <> 'commit'
    union all
    select tool_use_id, coalesce(command_number, 0), checkout, commit_key, 'commit', [], is_whole
    from commits
),

counted_steps as (
    select
        steps.*,
        calls.session_id,
        count(steps.commit_key) over (
            partition by calls.session_id, steps.checkout
            order by
                coalesce(calls.returned_at, calls.called_at), calls.source_path, calls.source_line,
                steps.command_number
            range between unbounded preceding and current row
        ) - count(steps.commit_key) over (
            partition by calls.tool_use_id, steps.command_number
        ) as commits_before
    from steps
    inner join calls on calls.tool_use_id = steps.tool_use_id
),

staged as (
    select
        session_id,
        checkout,
        commits_before,
        {{ merged_lists('paths') }} as paths,
        bool_or(is_whole) as is_whole
    from counted_steps
    where git_command = 'add'
    group by session_id, checkout, commits_before
),

-- A file or folder that was moved before staging was edited under its old name.
moves as (
    select
        session_id,
        checkout,
        commits_before,
        old_path,
        paths[len(paths)] as new_path,
        concat(paths[len(paths)], '/', {{ path_name('old_path') }}) as path_in_folder
    from {{ explode('counted_steps', 'paths', 'old_path', 'path_number') }} as exploded
    where git_command = 'mv' and path_number < len(paths)
),

moved as (
    select
        session_id,
        checkout,
        commits_before,
        list(distinct old_path order by old_path) as paths
    from (
        select
            moves.session_id,
            moves.checkout,
            moves.commits_before,
            case
                when
                    starts_with(moves.new_path || '/', staged_path || '/')
                    or starts_with(moves.path_in_folder || '/', staged_path || '/')
                    then moves.old_path
                when starts_with(staged_path, moves.path_in_folder || '/')
                    then moves.old_path || substr(staged_path, length(moves.path_in_folder) + 1)
                when starts_with(staged_path, moves.new_path || '/')
                    then moves.old_path || substr(staged_path, length(moves.new_path) + 1)
            end as old_path
        from moves
        inner join {{ explode('staged', 'paths', 'staged_path', 'path_number') }} as exploded
            on exploded.session_id = moves.session_id and exploded.checkout = moves.checkout
            and exploded.commits_before = moves.commits_before
    ) as old_paths
    where old_path is not null
    group by session_id, checkout, commits_before
)

select
    commits.commit_key,
    commits.tool_use_id,
    calls.session_id,
    calls.actor,
    calls.line_uuid,
    calls.returned_at as committed_at,
    commits.commit_id,
    commits.commit_branch,
    commits.commit_kind,
    commits.commit_subject,
    calls.git_branch,
    commits.provenance,
    commits.folder,
    case when commits.folder is not null then commits.checkout end as checkout,
    case
        when not commits.is_whole and not staged.is_whole
            then flatten([staged.paths, coalesce(moved.paths, [])])
        else []
    end as staged_paths,
    coalesce(commits.is_own_checkout, false) as is_own_checkout,
    commits.is_whole or coalesce(staged.is_whole, true) as is_whole,
    coalesce(commits.command_number, 0) as command_number,
    calls.source_path,
    calls.source_line,
    calls._batch_id
from commits
inner join calls on calls.tool_use_id = commits.tool_use_id
inner join counted_steps as steps on steps.commit_key = commits.commit_key
left join staged
    on staged.session_id = steps.session_id and staged.checkout = steps.checkout
    and staged.commits_before = steps.commits_before
left join moved
    on moved.session_id = steps.session_id and moved.checkout = steps.checkout
    and moved.commits_before = steps.commits_before
