-- depends_on: {{ ref('check_rules') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['command_text', 'bare_text', 'next_text']
) }}

with touched as {{ touched_sessions() }},

-- Commands that were actually run.
lines as (
    select
        calls.tool_use_id,
        calls.session_id,
        {{ plain_command('calls.tool_input.command') }} as plain_text
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    where
        calls.tool_name in ('Bash', 'PowerShell') and calls.tool_input.command is not null
        and calls.call_status in ('ok', 'error', 'interrupted')
        and coalesce(calls.error_type, '') not in ('blocked_by_hook', 'cancelled')
        and coalesce(calls.error_type, '') not like 'validation%'
),

-- The simple commands of a line, each with the operator before it: `a && b | c` is a, `&&` b, `|` c.
command_lists as (
    select
        tool_use_id,
        session_id,
        string_split({{ regex_replace_all(
            'plain_text', "'\\s*(&&|\\|\\||;;?|\\|&?|\\n|&)\\s*'", "chr(30) || '\\1' || chr(31)"
        ) }}, chr(30)) as pieces
    from lines
),

pieces as (
    select
        tool_use_id,
        session_id,
        piece_number,
        case when piece_number = 1 then '' else split_part(piece, chr(31), 1) end as operator_before,
        case when piece_number = 1 then piece else split_part(piece, chr(31), 2) end as command_text
    from {{ explode('command_lists', 'pieces', 'piece', 'piece_number') }} as exploded
),

simple_commands as (
    select
        *,
        {{ bare_command('command_text') }} as bare_text
    from pieces
    where trim(command_text) <> ''
)

select
    commands.tool_use_id,
    commands.session_id,
    commands.piece_number as command_number,
    commands.operator_before,
    lead(commands.operator_before) over after_command as operator_after,
    commands.command_text,
    commands.bare_text,
    lead(commands.bare_text) over after_command as next_text,
    -- In a chain of && a failure makes the whole line fail; otherwise the exit status is another command's.
    coalesce(bool_or(commands.operator_before not in ('&&', '|')) over rest_of_line, false) as has_loose_end,
    coalesce(
        bool_and(
            commands.operator_before = '&&' and regexp_matches(commands.bare_text, '^(echo|printf)\b')
        ) over rest_of_line, true
    ) as is_told_at_most,
    case
        when not {{ check_says('no_run', 'commands.bare_text') }}
            then {{ check_command_rule('commands.bare_text') }}
    end as check_rule_order,
    touched._batch_id
from simple_commands as commands
inner join touched on touched.session_id = commands.session_id
window
    after_command as (partition by commands.tool_use_id order by commands.piece_number),
    rest_of_line as (
        partition by commands.tool_use_id order by commands.piece_number
        rows between 1 following and unbounded following
    )
