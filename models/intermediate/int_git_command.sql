{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

{#-
    A git command's options before its name; characters that make a path in a command ambiguous (`unclear`).
-#}
{%- set git = "^git\\s+(?:(?:-[Cc]\\s+\\S+|-\\S+)\\s+)*" -%}
{%- set cd = '^(?:cd|pushd)\\s+(\\S+)$' -%}
{%- set unclear = "'[*?{}$`\"''!()<>|\\[\\]\\\\]|^[:~]|/~(/|$)'" -%}
{%- set commit_values = "'(^|\\s)(?:-[a-zA-Z]*[mFCct]|--(?:message|file|author|date|reuse-message"
    ~ "|reedit-message|template|cleanup|trailer|fixup|squash))(?:\\s+|=)\\S+'" -%}

with touched as {{ touched_sessions() }},

git_calls as (
    select
        calls.tool_use_id,
        calls.session_id,
        calls.tool_input.command as call_text,
        lines.working_dir,
        coalesce(
            nullif({{ regex_group('lines.working_dir', '^(/(?:home|Users)/[^/]+|/root)(?:/|$)') }}, ''), '~'
        ) as home_folder,
        calls._batch_id
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    left join {{ ref('int_line') }} as places
        on places.line_uuid = calls.line_uuid and places.session_id = calls.session_id
    left join {{ ref('stg_transcripts__line') }} as lines on lines.line_id = places.line_id
    where {{ regex_matches('calls.tool_input.command', "'\\b(git|mv)\\b'") }}
),

-- A quoted folder appears only in the text of the call.
simple_commands as (
    select
        git_calls.*,
        commands.command_number,
        commands.operator_before,
        commands.operator_after,
        commands.bare_text,
        commands.has_loose_end,
        case {{ regex_group('commands.bare_text', cd) }}
            when '' then null
            when '-' then '$OLDPWD'
            when '""'
                then {{ regex_group(
                    'git_calls.call_text', '(?:^|[\\n\\x3b&]\\s*)cd\\s+["\'\']([^"\'\']+)["\'\']'
                ) }}
            else {{ home_path(regex_group('commands.bare_text', cd), 'git_calls.home_folder') }}
        end as cd_path,
        bool_or(
            {{ regex_matches('commands.command_text', "'^\\s*(if|then|else|elif|for|while|until|case)\\b'") }}
        )
            over (partition by commands.tool_use_id) as is_conditional
    from {{ ref('int_shell_command') }} as commands
    inner join git_calls on git_calls.tool_use_id = commands.tool_use_id
),

-- `find … | xargs git add` stages unknown files.
git_commands as (
    select
        *,
        {{ regex_group('bare_text', git ~ '([a-z-]+)') }} as verb,
        {{ regex_replace_all(regex_group('bare_text', git ~ '[a-z-]+(.*)$'), "'\\s+'", "' '") }} as arguments,
        {{ home_path(regex_group('bare_text', '^git\\s+(?:-c\\s+\\S+\\s+)*-C\\s+(\\S+)'), 'home_folder') }}
            as git_folder
    from simple_commands
    where bare_text like 'git %'
    union all
    select *, 'mv', {{ regex_replace_all("substr(bare_text, 3)", "'\\s+'", "' '") }}, ''
    from simple_commands
    where bare_text like 'mv %'
    union all
    select *, 'add', ' --pathspec-from-file', ''
    from simple_commands
    where {{ regex_matches('bare_text', "'^(?:xargs|find|parallel)\\b.*\\bgit\\b.*\\s(?:add|stage)\\b'") }}
),

cd_walks as (
    select
        commands.tool_use_id,
        commands.command_number,
        {{ joined_texts("rtrim(changes.cd_path, '/')", 'changes.command_number', '/') }} as cd_path
    from git_commands as commands
    inner join simple_commands as changes
        on changes.tool_use_id = commands.tool_use_id and changes.command_number < commands.command_number
        and changes.cd_path is not null
    group by commands.tool_use_id, commands.command_number
),

walked as (
    select
        git_commands.* exclude (cd_path),
        {{ walked_path(['git_commands.working_dir', 'cd_walks.cd_path', 'git_commands.git_folder']) }}
            as folder
    from git_commands
    left join cd_walks
        on cd_walks.tool_use_id = git_commands.tool_use_id
        and cd_walks.command_number = git_commands.command_number
),

placed as (
    select
        * exclude (folder),
        case when folder like '/%' and not {{ regex_matches('folder', unclear) }} then folder end as folder,
        string_split(trim(arguments), ' ') as words
    from walked
),

-- Separate checkouts: those that the session created, worktrees, and the folder in which it began.
made_checkouts as (
    select distinct
        session_id,
        {{ walked_path(['folder', 'word']) }} as checkout
    from {{ explode('placed', 'words', 'word', 'word_number') }} as exploded
    where
        {{ regex_matches('verb || arguments', "'^(?:submodule add|worktree add|clone) '") }}
        and folder is not null and word_number > 1 and {{ regex_matches('word', "'^[^-.:][^:]*$'") }}
),

own_checkouts as (
    select
        tool_use_id,
        command_number,
        max_by(checkout, length(checkout)) as own_checkout
    from (
        select
            placed.tool_use_id,
            placed.command_number,
            made_checkouts.checkout
        from placed
        inner join made_checkouts
            on made_checkouts.session_id = placed.session_id
            and starts_with(placed.folder || '/', made_checkouts.checkout || '/')
        union all
        select
            placed.tool_use_id,
            placed.command_number,
            sessions.worktree_path
        from placed
        inner join {{ ref('int_session') }} as sessions
            on sessions.session_id = placed.session_id
            and starts_with(placed.folder || '/', sessions.worktree_path || '/')
        union all
        select
            tool_use_id,
            command_number,
            {{ regex_group("folder || '/'", '^(.*worktrees/[^/]+)/') }}
        from placed
    ) as checkouts
    where checkout <> ''
    group by tool_use_id, command_number
),

checked_out as (
    select
        placed.*,
        coalesce(sessions.worktree_path, sessions.project_path) as session_checkout,
        own_checkouts.own_checkout,
        case
            when starts_with(placed.folder || '/', sessions.project_path || '/') then sessions.project_path
            when starts_with(placed.folder || '/', sessions.working_dir || '/') then sessions.working_dir
        end as home_checkout
    from placed
    inner join {{ ref('int_session') }} as sessions on sessions.session_id = placed.session_id
    left join own_checkouts
        on own_checkouts.tool_use_id = placed.tool_use_id
        and own_checkouts.command_number = placed.command_number
),

-- Paths as named in the command, without `.` and `..`; relative if its folder is unknown.
named_paths as (
    select
        tool_use_id,
        command_number,
        list({{ walked_path(['folder', 'word']) }} order by word_number) as paths,
        bool_or(
            {{ regex_matches('word', unclear) }}
            or (folder is null and {{ regex_matches('word', "'^[.]{1,2}(/|$)|/[.][.](/|$)'") }})
        ) as is_unclear
    from {{ explode('placed', 'words', 'word', 'word_number') }} as exploded
    where verb <> 'commit' and word <> '' and word not like '-%'
    group by tool_use_id, command_number
)

select
    commands.tool_use_id,
    commands.session_id,
    commands.command_number,
    case commands.verb when 'stage' then 'add' else commands.verb end as git_command,
    commands.folder,
    case
        when commands.folder is null then commands.session_checkout
        when length(commands.own_checkout) > coalesce(length(commands.home_checkout), 0)
            then commands.own_checkout
        else coalesce(commands.home_checkout, commands.folder)
    end as checkout,
    coalesce(named_paths.paths, []) as paths,
    coalesce(length(commands.own_checkout) > coalesce(length(commands.home_checkout), 0), false)
        as is_own_checkout,
    case
        when commands.verb = 'commit'
            then
            {{ regex_matches(
                'commands.arguments',
                "' (?:-[a-zA-Z]*[aiop][a-zA-Z]*|--(?:all|include|only|patch|interactive|pathspec\S*))(?: |$)'"
            ) }}
            -- The rest, without options and their values, is a path.
            or {{ regex_replace_all(
                regex_replace_all('commands.arguments', commit_values, "' '"), "'(^| )-\S*| '", "''"
            ) }} <> ''
        else coalesce(named_paths.is_unclear, true) or contains(commands.arguments, ' --pathspec')
    end as is_whole,
    commands.verb = 'commit'
    and {{ regex_matches('commands.arguments', "' (?:-[a-zA-Z]*q[a-zA-Z]*|--quiet)(?: |$)'") }}
    and commands.operator_before <> '||' and coalesce(commands.operator_after, '') <> '||'
    and not commands.is_conditional and not commands.has_loose_end as is_surely_quiet,
    commands._batch_id
from checked_out as commands
left join named_paths
    on named_paths.tool_use_id = commands.tool_use_id and named_paths.command_number = commands.command_number
where commands.verb in ('add', 'stage', 'mv', 'commit')
