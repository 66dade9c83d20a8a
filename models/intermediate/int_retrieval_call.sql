{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['result_text']) }}

{#- Parts of patterns: a word of a shell command, quoted or not; the same without escaped quotes. -#}
{%- set word = '"(?:[^"\\\\]|\\\\.)*"|\'\'[^\'\']*\'\'|\\S+' -%}
{%- set plain_word = '"[^"]*"|\'\'[^\'\']*\'\'|\\S+' -%}
{%- set folder_word = '"[^"]*"|\'\'[^\'\']*\'\'|[^\\s;&]+' -%}
{%- set before_command = '^\\s*(?:cd\\s+(?:' ~ folder_word ~ ')\\s*(?:&&|;)\\s*)?(?:\\w+=[^\\s;&]+\\s+)*'
    ~ '(?:(?:sudo|time|timeout +\\S+|rtk|command|env)\\s+)*' -%}
{%- set first_part = '^((?:[^|;&<>"\'\'\\n\\\\]|\\\\.|"(?:[^"\\\\]|\\\\.)*"|\'\'[^\'\']*\'\')+)' -%}
{%- set options = '(?:^|\\s)(?:-[ABCm]\\s*[0-9]+|-[gtTf]\\s+(?:' ~ plain_word ~ ')'
    ~ '|--(?:include|exclude|exclude-dir|glob|type|max-count|context|regexp|color)[ =](?:' ~ plain_word ~ ')'
    ~ '|-e\\s+(?:' ~ word ~ ')|-n\\s+[0-9]+|-[0-9]+|--?[A-Za-z][\\w-]*(?:=(?:' ~ plain_word ~ '))?)' -%}
{#- The form of a single file name. -#}
{%- set one_file = "'[^/][.][A-Za-z0-9]+$'" -%}
{#- Messages that nothing was found: from a search, the client, a shell, a program without its file. -#}
{%- set no_find = '^(?:No (?:matches|files) found|Found 0 )' -%}
{%- set no_output = '^\\(\\S+ completed with no output\\)$' -%}
{%- set no_match = '(?:\\(eval\\)|\\S*sh)[^\\n]{0,20}: no match(?:es found)?: [^\\n]*' -%}
{%- set no_file = '(?:cat|bat|nl|head|tail|sed|[efu]?grep|rg|ag|ack|git|find|fd|bfs|cd|\\(eval\\)|\\S*sh)'
    ~ ':[^\\n]*[Nn]o such file or directory[^\\n]*' -%}

with touched as {{ touched_sessions() }},

-- Denied and interrupted calls retrieved nothing.
calls as (
    select
        calls.*,
        lines.working_dir
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    left join {{ ref('int_line') }} as places
        on places.line_uuid = calls.line_uuid and places.session_id = calls.session_id
    left join {{ ref('stg_transcripts__line') }} as lines on lines.line_id = places.line_id
    where
        (
            calls.tool_name in ('Read', 'NotebookRead', 'Grep', 'Glob', 'WebFetch', 'Bash')
            or calls.tool_name like '%search\_code' escape '\'
        )
        and calls.call_status in ('ok', 'error')
),

-- Without the client's additions. If the result was written to a file, the agent got only the beginning.
result_texts as (
    select
        tool_use_id,
        is_preview,
        case
            when is_preview
                then {{ regex_remove(
                    regex_remove('block_text', '^<persisted-output>\\n(?:[^\\n]*\\n)*?Preview [^\\n]*:\\n'),
                    '\\n(?:[.]{3}\\n)?</persisted-output>\\s*$'
                ) }}
            else {{ regex_remove('block_text', '(?:^|\\n)Shell cwd was reset to [^\\n]*\\s*$') }}
        end as result_text
    from (
        select
            blocks.tool_use_id,
            min(blocks.block_text) as block_text,
            starts_with(min(blocks.block_text), '<persisted-output>') as is_preview
        from {{ touched_rows(ref('stg_transcripts__block')) }} as blocks
        semi join calls
            on calls.tool_use_id = blocks.tool_use_id and calls.result_line_uuid = blocks.line_uuid
        where blocks.block_type = 'tool_result'
        group by blocks.tool_use_id
    ) as blocks_of_calls
),

-- A shell command: its folder, its first part, the commands after it.
commands as (
    select
        tool_use_id,
        coalesce(
            case when {{ unquoted('cd_folder') }} like '/%' then {{ unquoted('cd_folder') }} end,
            concat(rtrim(working_dir, '/'), '/', {{ unquoted('cd_folder') }}), working_dir
        ) as folder,
        first_part,
        {{ regex_group('first_part', '^(git grep|[\\w./-]+)') }} as program,
        substr(command, length(first_part) + 1) as following
    from (
        select
            tool_use_id,
            working_dir,
            cd_folder,
            command,
            {{ regex_group('command', first_part) }} as first_part
        from (
            select
                tool_use_id,
                working_dir,
                {{ regex_group('tool_input.command', '^\\s*cd\\s+(' ~ folder_word ~ ')\\s*(?:&&|;)') }}
                    as cd_folder,
                {{ regex_remove('tool_input.command', before_command) }} as command
            from calls
            where tool_name = 'Bash' and tool_input.command is not null
        ) as stripped
    ) as parted
),

retrieving_commands as (
    select
        *,
        case
            when program in ('rg', 'grep', 'egrep', 'fgrep', 'ugrep', 'ag', 'ack', 'git grep') then 'keyword'
            when program in ('find', 'fd', 'fdfind', 'bfs') then 'glob'
            else 'path'
        end as retrieval_method,
        {{ regex_remove('first_part', '^(?:git grep|\\S+)\\s*') }} as arguments
    from commands
    where
        program in (
            'rg', 'grep', 'egrep', 'fgrep', 'ugrep', 'ag', 'ack', 'git grep', 'find', 'fd', 'fdfind', 'bfs'
        )
        or (program in ('cat', 'bat', 'nl', 'head', 'tail') and left(ltrim(following), 1) not in ('>', '<'))
        or (program = 'sed' and {{ regex_matches('first_part', "'^sed\\s+(-[a-zA-Z]+\\s+)*-[a-zA-Z]*n'") }})
),

-- The request of the command, without its options.
command_questions as (
    select
        tool_use_id,
        folder,
        program,
        retrieval_method,
        {{ regex_matches('following', "'[|;&]'") }} as is_compound,
        arguments,
        coalesce(
            nullif({{ regex_group('arguments', '(?:^|\\s)(?:-e|--regexp)(?:\\s+|=)(' ~ word ~ ')') }}, ''), ''
        ) as named_pattern,
        {{ regex_remove('arguments', options) }} as words
    from retrieving_commands
),

command_targets as (
    select
        tool_use_id,
        folder,
        program,
        retrieval_method,
        is_compound,
        case
            when retrieval_method = 'path' then null
            when named_pattern <> '' then {{ unquoted('named_pattern') }}
            when program in ('find', 'bfs')
                then {{ unquoted(
                    regex_group('arguments', '-(?:i?name|i?path|regex)\\s+(' ~ plain_word ~ ')')
                ) }}
            else {{ unquoted(regex_group('words', '^\\s*(' ~ word ~ ')')) }}
        end as query_text,
        case
            when retrieval_method = 'path'
                then {{ unquoted(regex_group('words', '("[^"]+"|\'\'[^\'\']+\'\'|[^\\s"\'\']+)\\s*$')) }}
            when named_pattern <> '' or program in ('find', 'bfs')
                then {{ unquoted(regex_group('words', '^\\s*("[^"]*"|\'\'[^\'\']*\'\'|[^\\s-]\\S*)')) }}
            else {{ unquoted(regex_group('words', '^\\s*(?:' ~ word ~ ')\\s+(' ~ plain_word ~ ')')) }}
        end as target,
        -- The number of a redirected stream is not a file.
        retrieval_method = 'keyword' and trim(case
            when named_pattern <> '' then {{ regex_remove('words', '^\\s*(?:' ~ plain_word ~ ')') }}
            else {{ regex_remove('words', '^\\s*(?:' ~ word ~ ')\\s+(?:' ~ plain_word ~ ')') }}
        end) not in ('', '1', '2') as has_more_targets,
        case
            when program = 'sed' then {{ first_line(number_in('arguments', '([0-9]+)(?:,[0-9$]+)?p')) }}
            when program in ('cat', 'bat', 'nl', 'head') then 1
        end as line_start,
        case
            when program = 'sed' then {{ number_in('arguments', '[0-9]+,([0-9]+)p') }}
            when program = 'head'
                then coalesce({{ number_in('arguments', '(?:^|\\s)-(?:n\\s*)?([0-9]+)') }}, 10)
        end as line_end
    from command_questions
),

-- Every call: its method, its query, its file, and its result.
questions as (
    select
        calls.tool_use_id,
        calls.session_id,
        calls.actor,
        calls.turn_id,
        calls.called_at as retrieved_at,
        calls.tool_name,
        calls.source_path,
        calls.source_line,
        calls.result.numFiles as stated_file_count,
        case
            when calls.tool_name in ('Read', 'NotebookRead') then 'path'
            when calls.tool_name = 'Glob' then 'glob'
            when calls.tool_name = 'WebFetch' then 'url'
            else coalesce(command_targets.retrieval_method, 'keyword')
        end as retrieval_method,
        case
            when calls.tool_name in ('Grep', 'Glob') then calls.tool_input.pattern
            when calls.tool_name = 'WebFetch' then calls.tool_input.prompt
            when calls.tool_name in ('Read', 'NotebookRead') then null
            else coalesce(command_targets.query_text, calls.tool_input.query)
        end as query_text,
        coalesce(command_targets.folder, calls.working_dir, '') as folder,
        case
            when calls.tool_name in ('Read', 'NotebookRead')
                then coalesce(calls.target_path, {{ path_identity('calls.result.file.filePath') }})
            when calls.tool_name = 'WebFetch' then calls.tool_input.url
            when calls.tool_name in ('Grep', 'Glob') then calls.tool_input.path
            else command_targets.target
        end as target,
        case
            when calls.tool_name in ('Read', 'NotebookRead')
                then coalesce(
                    {{ first_line('calls.result.file.startLine') }},
                    case when calls.tool_input.offset > 0 then calls.tool_input.offset end, 1
                )
            else command_targets.line_start
        end as line_start,
        case
            when not coalesce(result_texts.is_preview, false)
                then coalesce(
                    {{ first_line('calls.result.file.startLine') }} + calls.result.file.numLines - 1,
                    command_targets.line_end
                )
        end as line_end,
        calls.result.file.totalLines as document_line_count,
        coalesce(command_targets.is_compound, false) as is_compound,
        coalesce(command_targets.has_more_targets, false) as has_more_targets,
        calls.call_status = 'error' as has_failed,
        calls.call_status = 'error' and coalesce(calls.exit_code, 0) <> 1 as has_broken,
        calls.error_type = 'file_not_found'
        or (
            calls.tool_name = 'WebFetch' and calls.error_type = 'http_error'
            and {{ regex_matches('calls.error_text', "'\\b(?:404|410)\\b'") }}
        )
        or (
            calls.tool_name = 'WebFetch' and calls.call_status = 'error' and calls.result.code in (404, 410)
        ) as is_not_there,
        trim({{ unquoted(regex_group(
            'calls.tool_input.command', '[|][|]\\s*echo\\s+("[^"]*"|\'\'[^\'\']*\'\'|[^|;&<>"\'\'\\n]+)\\s*$'
        )) }}) as fallback_text,
        trim(
            {{ regex_remove(
                "coalesce(result_texts.result_text, '')", '^(?:Error: )?Exit code [0-9]+\\s*|^Error\\s*$'
            ) }},
            chr(10) || ' '
        ) as printed_text,
        coalesce(result_texts.result_text, '') as result_text
    from calls
    left join command_targets on command_targets.tool_use_id = calls.tool_use_id
    left join result_texts on result_texts.tool_use_id = calls.tool_use_id
    where calls.tool_name <> 'Bash' or command_targets.tool_use_id is not null
),

-- Whether nothing was returned. Any other error (too large, a folder, not allowed) leaves that open. The
-- shell may print a fallback of the command: `|| echo "none"`.
answers as (
    select
        *,
        case
            when tool_name = 'Bash'
                then
                printed_text = '' or coalesce(printed_text = fallback_text, false)
                or {{ regex_matches('printed_text', "'" ~ no_output ~ "'") }}
                or (
                    retrieval_method <> 'path'
                    and {{ regex_matches('printed_text', "'" ~ no_find ~ "'") }}
                )
                or {{ regex_matches('printed_text', "'^(?:" ~ no_match ~ "\\s*)+$'") }}
                or (
                    not coalesce(lower(query_text) like '%such file%', false)
                    and {{ regex_matches('printed_text', "'^(?:" ~ no_file ~ "\\s*)+$'") }}
                )
            when retrieval_method in ('keyword', 'glob')
                then not has_failed
                and (printed_text = '' or {{ regex_matches('printed_text', "'" ~ no_find ~ "'") }})
            else coalesce(is_not_there, false)
        end as has_found_nothing,
        coalesce({{ names_several_files('target') }}, false) as has_pattern,
        ({{ regex_matches('target', one_file) }} or {{ is_known_file_name('target') }})
        and not {{ names_several_files('target') }} and not has_more_targets as is_one_file
    from questions
)

select
    answers.tool_use_id,
    answers.session_id,
    answers.actor,
    answers.turn_id,
    answers.retrieved_at,
    answers.tool_name,
    answers.source_path,
    answers.source_line,
    answers.retrieval_method,
    answers.query_text,
    answers.folder,
    answers.target,
    answers.result_text,
    answers.is_compound,
    answers.has_pattern,
    answers.is_one_file,
    answers.has_failed,
    answers.has_broken,
    answers.has_found_nothing,
    answers.line_start,
    answers.line_end,
    answers.document_line_count,
    answers.stated_file_count,
    touched._batch_id
from answers
inner join touched on touched.session_id = answers.session_id
