{{ config(
    materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns',
    zstd_columns=['chunk_text']
) }}

{#- Pieces of patterns: a word of a shell command, in quotes or not; the same without escaped quotes. -#}
{%- set word = '"(?:[^"\\\\]|\\\\.)*"|\'\'[^\'\']*\'\'|\\S+' -%}
{%- set plain_word = '"[^"]*"|\'\'[^\'\']*\'\'|\\S+' -%}
{%- set folder_word = '"[^"]*"|\'\'[^\'\']*\'\'|[^\\s;&]+' -%}
{%- set before_command = '^\\s*(?:cd\\s+(?:' ~ folder_word ~ ')\\s*(?:&&|;)\\s*)?(?:\\w+=[^\\s;&]+\\s+)*'
    ~ '(?:(?:sudo|time|timeout +\\S+|rtk|command|env)\\s+)*' -%}
{%- set first_part = '^((?:[^|;&<>"\'\'\\n\\\\]|\\\\.|"(?:[^"\\\\]|\\\\.)*"|\'\'[^\'\']*\'\')+)' -%}
{%- set options = '(?:^|\\s)(?:-[ABCm]\\s*[0-9]+|-[gtTf]\\s+(?:' ~ plain_word ~ ')'
    ~ '|--(?:include|exclude|exclude-dir|glob|type|max-count|context|regexp|color)[ =](?:' ~ plain_word ~ ')'
    ~ '|-e\\s+(?:' ~ word ~ ')|-n\\s+[0-9]+|-[0-9]+|--?[A-Za-z][\\w-]*(?:=(?:' ~ plain_word ~ '))?)' -%}
{%- set numbers = '^ *[0-9]+(?:\u2192|\\t)' -%}
{%- set drive = '(?:[A-Za-z]:)?' -%}
{#- Several files, one file, and what names of files are made of. -#}
{%- set several = "'[*?{}$`<>|]'" -%}
{%- set one_file = "'[^/][.][A-Za-z0-9]+$'" -%}
{%- set name_start = '[^:\\s*<>|"`]' -%}
{%- set name_part = '[^:*<>|"`]' -%}
{%- set path_part = '[\\p{L}\\p{N}_./@+~\\[\\]-]' -%}
{%- set known_name = '(?i:dockerfile|makefile|rakefile|gemfile|justfile|jenkinsfile|license|readme|changelog)' -%}
{%- set known_names = "'^(?:.*/)?" ~ known_name ~ "$'" -%}
{#- Before a colon only as they are spelled: `license: MIT` names no file. -#}
{%- set known_prefix = '(?:[Dd]ockerfile|[Mm]akefile|Rakefile|Gemfile|[Jj]ustfile|Jenkinsfile|LICENSE|README|CHANGELOG)' -%}
{#- What says that nothing was found: a search, the client, a shell, a program whose file or folder is not there. -#}
{%- set no_find = '^(?:No (?:matches|files) found|Found 0 )' -%}
{%- set no_output = '^\\(\\S+ completed with no output\\)$' -%}
{%- set no_match = '(?:\\(eval\\)|\\S*sh)[^\\n]{0,20}: no match(?:es found)?: [^\\n]*' -%}
{%- set no_file = '(?:cat|bat|nl|head|tail|sed|[efu]?grep|rg|ag|ack|git|find|fd|bfs|cd|\\(eval\\)|\\S*sh):[^\\n]*[Nn]o such file or directory[^\\n]*' -%}

with touched as {{ touched_sessions() }},

-- Denied and interrupted calls retrieved nothing.
calls as (
    select
        calls.*,
        lines.working_dir
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    left join {{ ref('int_line') }} as places on places.line_uuid = calls.line_uuid and places.session_id = calls.session_id
    left join {{ ref('stg_transcripts__line') }} as lines
        on lines.file_id = places.file_id and lines.line_number = places.line_number and lines.part_number = places.part_number
    where
        (calls.tool_name in ('Read', 'NotebookRead', 'Grep', 'Glob', 'WebFetch', 'Bash') or calls.tool_name like '%search\_code' escape '\')
        and calls.call_status in ('ok', 'error')
),

-- Without what the client adds around it. Of a result that it put into a file the agent was given the beginning only.
result_texts as (
    select
        tool_use_id,
        is_preview,
        case
            when is_preview
                then {{ regex_remove(
                    regex_remove('block_text', '^<persisted-output>\\n(?:[^\\n]*\\n)*?Preview [^\\n]*:\\n'), '\\n(?:[.]{3}\\n)?</persisted-output>\\s*$'
                ) }}
            else {{ regex_remove('block_text', '(?:^|\\n)Shell cwd was reset to [^\\n]*\\s*$') }}
        end as result_text
    from (
        select
            blocks.tool_use_id,
            min(blocks.block_text) as block_text,
            starts_with(min(blocks.block_text), '<persisted-output>') as is_preview
        from {{ touched_rows(ref('stg_transcripts__block')) }} as blocks
        semi join calls on calls.tool_use_id = blocks.tool_use_id and calls.result_line_uuid = blocks.line_uuid
        where blocks.block_type = 'tool_result'
        group by blocks.tool_use_id
    ) as blocks_of_calls
),

-- A shell command: where it runs, its first part, what follows.
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
                {{ regex_group('tool_input.command', '^\\s*cd\\s+(' ~ folder_word ~ ')\\s*(?:&&|;)') }} as cd_folder,
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
        program in ('rg', 'grep', 'egrep', 'fgrep', 'ugrep', 'ag', 'ack', 'git grep', 'find', 'fd', 'fdfind', 'bfs')
        or (program in ('cat', 'bat', 'nl', 'head', 'tail') and left(ltrim(following), 1) not in ('>', '<'))
        or (program = 'sed' and {{ regex_matches('first_part', "'^sed\\s+(-[a-zA-Z]+\\s+)*-[a-zA-Z]*n'") }})
),

-- What was asked for, with the options out of the way.
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
                then {{ unquoted(regex_group('arguments', '-(?:i?name|i?path|regex)\\s+(' ~ plain_word ~ ')')) }}
            else {{ unquoted(regex_group('words', '^\\s*(' ~ word ~ ')')) }}
        end as query_text,
        case
            when retrieval_method = 'path' then {{ unquoted(regex_group('words', '("[^"]+"|\'\'[^\'\']+\'\'|[^\\s"\'\']+)\\s*$')) }}
            when named_pattern <> '' or program in ('find', 'bfs')
                then {{ unquoted(regex_group('words', '^\\s*("[^"]*"|\'\'[^\'\']*\'\'|[^\\s-]\\S*)')) }}
            else {{ unquoted(regex_group('words', '^\\s*(?:' ~ word ~ ')\\s+(' ~ plain_word ~ ')')) }}
        end as target,
        -- The number of a redirected stream is no file.
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
            when program = 'head' then coalesce({{ number_in('arguments', '(?:^|\\s)-(?:n\\s*)?([0-9]+)') }}, 10)
        end as line_end
    from command_questions
),

-- Every call: how, what, of which file, and what came back.
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
        calls.result,
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
            when calls.tool_name in ('Read', 'NotebookRead') then coalesce(calls.target_path, {{ path_identity('calls.result.file.filePath') }})
            when calls.tool_name = 'WebFetch' then calls.tool_input.url
            when calls.tool_name in ('Grep', 'Glob') then calls.tool_input.path
            else command_targets.target
        end as target,
        case
            when calls.tool_name in ('Read', 'NotebookRead')
                then coalesce(
                    {{ first_line('calls.result.file.startLine') }}, case when calls.tool_input.offset > 0 then calls.tool_input.offset end, 1
                )
            else command_targets.line_start
        end as line_start,
        case
            when not coalesce(result_texts.is_preview, false)
                then coalesce({{ first_line('calls.result.file.startLine') }} + calls.result.file.numLines - 1, command_targets.line_end)
        end as line_end,
        calls.result.file.totalLines as document_line_count,
        coalesce(command_targets.is_compound, false) as is_compound,
        coalesce(command_targets.has_more_targets, false) as has_more_targets,
        calls.call_status = 'error' as has_failed,
        calls.call_status = 'error' and coalesce(calls.exit_code, 0) <> 1 as has_broken,
        calls.error_type = 'file_not_found'
        or (calls.tool_name = 'WebFetch' and calls.error_type = 'http_error' and {{ regex_matches('calls.error_text', "'\\b(?:404|410)\\b'") }})
        or (calls.tool_name = 'WebFetch' and calls.call_status = 'error' and calls.result.code in (404, 410)) as is_not_there,
        trim({{ unquoted(regex_group(
            'calls.tool_input.command', '[|][|]\\s*echo\\s+("[^"]*"|\'\'[^\'\']*\'\'|[^|;&<>"\'\'\\n]+)\\s*$'
        )) }}) as fallback_text,
        trim({{ regex_remove("coalesce(result_texts.result_text, '')", '^(?:Error: )?Exit code [0-9]+\\s*|^Error\\s*$') }}, chr(10) || ' ') as printed_text,
        coalesce(result_texts.result_text, '') as result_text
    from calls
    left join command_targets on command_targets.tool_use_id = calls.tool_use_id
    left join result_texts on result_texts.tool_use_id = calls.tool_use_id
    where calls.tool_name <> 'Bash' or command_targets.tool_use_id is not null
),

-- Whether nothing came back. An error that says something else – too large, a folder, not allowed – leaves open what is there.
-- What a shell prints when nothing was found may be the command's own last resort: `|| echo "none"`.
answers as (
    select
        *,
        case
            when tool_name = 'Bash'
                then
                    printed_text = '' or coalesce(printed_text = fallback_text, false)
                    or {{ regex_matches('printed_text', "'" ~ no_output ~ "'") }}
                    or (retrieval_method <> 'path' and {{ regex_matches('printed_text', "'" ~ no_find ~ "'") }})
                    or {{ regex_matches('printed_text', "'^(?:" ~ no_match ~ "\\s*)+$'") }}
                    or (
                        not coalesce(lower(query_text) like '%such file%', false)
                        and {{ regex_matches('printed_text', "'^(?:" ~ no_file ~ "\\s*)+$'") }}
                    )
            when retrieval_method in ('keyword', 'glob')
                then not has_failed and (printed_text = '' or {{ regex_matches('printed_text', "'" ~ no_find ~ "'") }})
            else coalesce(is_not_there, false)
        end as has_found_nothing,
        ({{ regex_matches('target', one_file) }} or {{ regex_matches('target', known_names) }})
        and not {{ regex_matches('target', several) }} and not has_more_targets as is_one_file
    from questions
),

reads as (
    select
        *,
        {{ absolute_path('target', 'folder') }} as document_path,
        -- Without line numbers and what the client appended.
        case
            when has_failed or has_found_nothing or is_compound then null
            when tool_name in ('Read', 'NotebookRead')
                then {{ regex_remove_per_line(regex_remove('result_text', '\\n*<system-reminder>[\\s\\S]*'), numbers) }}
            else result_text
        end as chunk_text
    from answers
    where
        retrieval_method in ('path', 'url') and target is not null
        and not (tool_name = 'Bash' and (has_broken or {{ regex_matches('target', several) }}))
),

listings as (
    select
        tool_use_id,
        retrieval_method,
        target,
        retrieval_method = 'keyword' and is_one_file as is_one_file,
        folder,
        {{ first_lines('left(result_text, 60000)', 500) }} as found_lines
    from answers
    where retrieval_method in ('keyword', 'glob') and not has_broken and not has_found_nothing
),

-- What a line might name: a file before a line number or a text, or it is one.
printed_lines as (
    select
        tool_use_id,
        line_order,
        found_line,
        retrieval_method,
        target,
        folder,
        is_one_file,
        {{ regex_matches('found_line', "'^[0-9]+[:-]'") }} as is_numbered,
        coalesce(
            nullif({{ regex_group('found_line', '^(' ~ drive ~ name_start ~ name_part ~ '*?[.][A-Za-z][A-Za-z0-9]*)[:-][0-9]+[:-]') }}, ''),
            nullif({{ regex_group('found_line', '^(' ~ drive ~ name_start ~ name_part ~ '*?):[0-9]+:') }}, '')
        ) as numbered_path,
        coalesce(
            nullif({{ regex_group('found_line', '^(' ~ drive ~ name_start ~ '*[./]' ~ name_start ~ '*[.][A-Za-z][A-Za-z0-9]*):') }}, ''),
            nullif({{ regex_group('found_line', '^((?:' ~ drive ~ name_start ~ '*/)?' ~ known_prefix ~ '):') }}, '')
        ) as prefixed_path,
        case
            when retrieval_method = 'glob'
                then coalesce(
                    nullif({{ regex_group('found_line', '^((?:/|~|[.]{1,2}/|[A-Za-z]:)[^:*<>|"`]*)$') }}, ''),
                    nullif({{ regex_group('found_line', '^(' ~ name_start ~ '*[./]' ~ name_start ~ '*)$') }}, '')
                )
            else nullif({{ regex_group('found_line', '^(' ~ drive ~ path_part ~ '*[./]' ~ path_part ~ '*)$') }}, '')
        end as whole_path
    from {{ explode('listings', 'found_lines', 'found_line', 'line_order') }} as exploded
),

-- Among texts a line like a path is context without a number (`a.c-else`), unless it begins at the root.
judged_lines as (
    select
        *,
        case
            when retrieval_method = 'glob' then null
            when is_numbered and (is_one_file or numbered_path is null) then found_line
            else substr(found_line, length(numbered_path) + 2)
        end as line_from_number,
        bool_or(numbered_path is not null or prefixed_path is not null or is_numbered or found_line = '--')
            over (partition by tool_use_id) as has_texts
    from printed_lines
),

-- In a search of one file the number is the line's, whatever follows it.
search_lines as (
    select
        tool_use_id,
        line_order,
        case
            when retrieval_method = 'glob' then whole_path
            when is_numbered and is_one_file then target
            when numbered_path is not null then numbered_path
            when is_numbered then target
            when is_one_file then null
            when prefixed_path is not null then prefixed_path
            when not has_texts or {{ regex_matches('whole_path', "'^/.*[.][A-Za-z][A-Za-z0-9]*$'") }} then whole_path
        end as found_path,
        {{ first_line(number_in('line_from_number', '^([0-9]+):')) }} as found_line_number,
        {{ regex_group('line_from_number', '^[0-9]+[:-](.*)$') }} as found_text,
        folder
    from judged_lines
),

found_documents as (
    select
        tool_use_id,
        {{ absolute_path('found_path', 'folder') }} as document_path,
        min(line_order) as first_order,
        min(found_line_number) as line_start,
        max(found_line_number) as line_end,
        nullif({{ joined_texts('found_text', 'line_order') }}, '') as chunk_text
    from search_lines
    where
        found_path not in ('.', '..', './') and length(found_path) <= 1000
        and not {{ regex_matches('found_path', several) }} and not {{ regex_matches('found_path', "'^[0-9]+$'") }}
        and ({{ regex_matches('found_path', "'/|[.][A-Za-z]'") }} or {{ regex_matches('found_path', known_names) }})
    group by all
),

ranked_documents as (
    select
        *,
        row_number() over (partition by tool_use_id order by first_order, document_path) as result_rank,
        count(*) over (partition by tool_use_id) as result_count
    from found_documents
),

searches as (
    select
        answers.*,
        -- What was sought in one file is of that file.
        coalesce(
            ranked.document_path,
            case
                when
                    answers.is_one_file and not answers.has_failed and not answers.has_found_nothing
                    and not {{ regex_matches('answers.result_text', "'^Found [0-9]'") }}
                    then {{ absolute_path('answers.target', 'answers.folder') }}
            end
        ) as document_path,
        ranked.line_start as found_line_start,
        ranked.line_end as found_line_end,
        coalesce(ranked.chunk_text, case when ranked.tool_use_id is null then answers.result_text end) as chunk_text,
        ranked.result_rank,
        greatest(coalesce(ranked.result_count, 0), coalesce(answers.result.numFiles, 0)) as result_count
    from answers
    left join ranked_documents as ranked on ranked.tool_use_id = answers.tool_use_id
    where
        answers.retrieval_method in ('keyword', 'glob') and not answers.has_broken
        -- Nine searches out of ten of the corpus find no more. The count tells how many there were.
        and coalesce(ranked.result_rank, 1) <= {{ var('search_documents_kept', 20) }}
),

attached as (
    select
        attachments.line_uuid as retrieval_event,
        places.session_id,
        places.actor,
        turns.turn_id,
        attachments.created_at as retrieved_at,
        attachments.attachment_type,
        attachments.source_path,
        attachments.line_number as source_line,
        attachments.document_path,
        coalesce(
            attachments.line_start,
            {{ first_line(number_in('attachments.attached_text', '^ *([0-9]+)(?:\u2192|\\t)')) }}
        ) as line_start,
        attachments.line_start + attachments.text_line_count - 1 as line_end,
        attachments.document_line_count,
        case
            when attachments.attachment_type = 'edited_text_file'
                then {{ regex_remove_per_line('attachments.attached_text', '^ *[0-9]+(?:→|\t)') }}
            else attachments.attached_text
        end as attached_text
    from {{ ref('stg_transcripts__attached_text') }} as attachments
    inner join {{ ref('int_line') }} as places
        on places.file_id = attachments.file_id and places.line_number = attachments.line_number
        and places.part_number = attachments.part_number
    semi join touched on touched.session_id = places.session_id
    left join {{ ref('int_line_turn') }} as turns on turns.line_uuid = attachments.line_uuid
    where attachments.document_path is not null and attachments.document_path <> ''
),

retrievals as (
    select
        tool_use_id as retrieval_event,
        tool_use_id,
        session_id,
        actor,
        turn_id,
        retrieved_at,
        tool_name as retrieved_with,
        retrieval_method,
        query_text,
        document_path,
        line_start,
        coalesce(
            line_end, case when chunk_text is not null then line_start + {{ occurrence_count("rtrim(chunk_text, chr(10))", '\n') }} end
        ) as line_end,
        document_line_count,
        cast(null as bigint) as result_rank,
        cast(1 as bigint) as result_count,
        has_found_nothing as is_miss,
        has_failed and not has_found_nothing as is_unanswered,
        chunk_text,
        source_path,
        source_line
    from reads
    union all
    select
        tool_use_id,
        tool_use_id,
        session_id,
        actor,
        turn_id,
        retrieved_at,
        tool_name,
        retrieval_method,
        query_text,
        document_path,
        found_line_start,
        found_line_end,
        null,
        result_rank,
        result_count,
        has_found_nothing,
        false,
        case when document_path is not null then chunk_text end,
        source_path,
        source_line
    from searches
    union all
    select
        retrieval_event,
        null,
        session_id,
        actor,
        turn_id,
        retrieved_at,
        attachment_type,
        case when attachment_type in ('file', 'directory', 'pdf_reference', 'selected_lines_in_ide') then 'mention' else 'automatic' end,
        null,
        document_path,
        line_start,
        coalesce(line_end, line_start + {{ occurrence_count("rtrim(attached_text, chr(10))", '\n') }}),
        document_line_count,
        null,
        cast(1 as bigint),
        false,
        false,
        attached_text,
        source_path,
        source_line
    from attached
)

select
    {{ surrogate_key(['retrievals.retrieval_event', 'retrievals.document_path']) }} as retrieval_key,
    retrievals.retrieval_event,
    retrievals.tool_use_id,
    retrievals.session_id,
    retrievals.actor,
    retrievals.turn_id,
    retrievals.retrieved_at,
    retrievals.retrieved_with,
    retrievals.retrieval_method,
    retrievals.query_text,
    nullif(retrievals.document_path, '') as document_path,
    case
        when retrievals.is_miss or retrievals.is_unanswered or nullif(retrievals.document_path, '') is null then null
        when retrievals.chunk_text is null and retrievals.line_start is null then 'document'
        when retrievals.retrieval_method in ('keyword', 'glob') then 'match'
        else 'range'
    end as chunk_kind,
    md5(retrievals.chunk_text) as chunk_hash,
    -- Of what may hold secrets the text is not kept.
    case
        when not coalesce({{ may_hold_secrets('retrievals.document_path') }}, false)
            then left(retrievals.chunk_text, {{ var('chunk_characters_kept') }})
    end as chunk_text,
    retrievals.is_miss,
    retrievals.line_start,
    case when retrievals.line_end is not null then greatest(retrievals.line_start, retrievals.line_end) end as line_end,
    retrievals.document_line_count,
    length(retrievals.chunk_text) as text_characters,
    retrievals.result_rank,
    retrievals.result_count,
    retrievals.source_path,
    retrievals.source_line,
    touched._batch_id
from retrievals
inner join touched on touched.session_id = retrievals.session_id
