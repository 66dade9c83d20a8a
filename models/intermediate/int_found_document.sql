{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['chunk_text']) }}

{#- Characters of file names before a colon. -#}
{%- set drive = '(?:[A-Za-z]:)?' -%}
{%- set name_start = '[^:\\s*<>|"`]' -%}
{%- set name_part = '[^:*<>|"`]' -%}
{%- set path_part = '[\\p{L}\\p{N}_./@+~\\[\\]-]' -%}
{#- Before a colon, only names in their exact spelling: `license: MIT` does not name a file. -#}
{%- set known_prefix
    = '(?:[Dd]ockerfile|[Mm]akefile|Rakefile|Gemfile|[Jj]ustfile|Jenkinsfile|LICENSE|README|CHANGELOG)' -%}

with touched as {{ touched_sessions() }},

listings as (
    select
        tool_use_id,
        session_id,
        retrieval_method,
        target,
        retrieval_method = 'keyword' and is_one_file as is_one_file,
        folder,
        {{ first_lines('left(result_text, 60000)', 500) }} as found_lines
    from {{ touched_rows(ref('int_retrieval_call')) }} as searches
    where retrieval_method in ('keyword', 'glob') and not has_broken and not has_found_nothing
),

-- What a line might name: a file before a line number or a text, or the whole line is a file.
printed_lines as (
    select
        tool_use_id,
        session_id,
        line_order,
        found_line,
        retrieval_method,
        target,
        folder,
        is_one_file,
        {{ regex_matches('found_line', "'^[0-9]+[:-]'") }} as is_numbered,
        coalesce(
            nullif({{ regex_group(
                'found_line',
                '^(' ~ drive ~ name_start ~ name_part ~ '*?[.][A-Za-z][A-Za-z0-9]*)[:-][0-9]+[:-]'
            ) }}, ''),
            nullif({{ regex_group('found_line', '^(' ~ drive ~ name_start ~ name_part ~ '*?):[0-9]+:') }}, '')
        ) as numbered_path,
        coalesce(
            nullif({{ regex_group(
                'found_line',
                '^(' ~ drive ~ name_start ~ '*[./]' ~ name_start ~ '*[.][A-Za-z][A-Za-z0-9]*):'
            ) }}, ''),
            nullif(
                {{ regex_group('found_line', '^((?:' ~ drive ~ name_start ~ '*/)?' ~ known_prefix ~ '):') }},
                ''
            )
        ) as prefixed_path,
        case
            when retrieval_method = 'glob'
                then coalesce(
                    nullif({{ regex_group('found_line', '^((?:/|~|[.]{1,2}/|[A-Za-z]:)[^:*<>|"`]*)$') }}, ''),
                    nullif(
                        {{ regex_group('found_line', '^(' ~ name_start ~ '*[./]' ~ name_start ~ '*)$') }}, ''
                    )
                )
            else nullif(
                    {{ regex_group('found_line', '^(' ~ drive ~ path_part ~ '*[./]' ~ path_part ~ '*)$') }},
                    ''
                )
        end as whole_path
    from {{ explode('listings', 'found_lines', 'found_line', 'line_order') }} as exploded
),

-- Among texts, a line that looks like a path is unnumbered context (`a.c-else`), unless it begins at the
-- root.
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

-- In a search of one file the number is the line number, whatever follows it.
search_lines as (
    select
        tool_use_id,
        session_id,
        line_order,
        case
            when retrieval_method = 'glob' then whole_path
            when is_numbered and is_one_file then target
            when numbered_path is not null then numbered_path
            when is_numbered then target
            when is_one_file then null
            when prefixed_path is not null then prefixed_path
            when not has_texts or {{ regex_matches('whole_path', "'^/.*[.][A-Za-z][A-Za-z0-9]*$'") }}
                then whole_path
        end as found_path,
        {{ first_line(number_in('line_from_number', '^([0-9]+):')) }} as found_line_number,
        {{ regex_group('line_from_number', '^[0-9]+[:-](.*)$') }} as found_text,
        folder
    from judged_lines
),

found_documents as (
    select
        tool_use_id,
        session_id,
        {{ absolute_path('found_path', 'folder') }} as document_path,
        min(line_order) as first_order,
        min(found_line_number) as line_start,
        max(found_line_number) as line_end,
        nullif({{ joined_texts('found_text', 'line_order') }}, '') as chunk_text
    from search_lines
    where
        found_path not in ('.', '..', './') and length(found_path) <= 1000
        and not {{ names_several_files('found_path') }}
        and not {{ regex_matches('found_path', "'^[0-9]+$'") }}
        and ({{ regex_matches('found_path', "'/|[.][A-Za-z]'") }} or {{ is_known_file_name('found_path') }})
    group by all
)

select
    found_documents.tool_use_id,
    found_documents.session_id,
    found_documents.document_path,
    found_documents.chunk_text,
    found_documents.line_start,
    found_documents.line_end,
    row_number() over (
        partition by found_documents.tool_use_id
        order by found_documents.first_order, found_documents.document_path
    ) as result_rank,
    count(*) over (partition by found_documents.tool_use_id) as result_count,
    touched._batch_id
from found_documents
inner join touched on touched.session_id = found_documents.session_id
