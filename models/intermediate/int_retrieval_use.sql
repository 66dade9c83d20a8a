{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

{#-
    A name that can be found in a text as a whole: it has a dot, and consists of characters that do not end a
    word.
-#}
{%- set written_name = '[.]?[\\p{L}\\p{N}_@+-]+(?:[.][\\p{L}\\p{N}_@+-]+)+' -%}

with touched as {{ touched_sessions() }},

documents as (
    select distinct
        session_id,
        turn_id,
        document_path
    from {{ ref('int_retrieval') }} as int_retrieval
    semi join touched on touched.session_id = int_retrieval.session_id
    where document_path is not null and turn_id is not null
),

calls as (
    select
        calls.session_id,
        calls.turn_id,
        calls.called_at as seen_at,
        calls.source_path,
        calls.source_line,
        case
            when calls.tool_name in ('Edit', 'Write', 'MultiEdit', 'NotebookEdit') then 'edited'
            when calls.tool_name in ('Read', 'NotebookRead') then 'read'
        end as opened_as,
        calls.target_path,
        case when calls.tool_name = 'Bash' then calls.tool_input.command end as command
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    where calls.call_status = 'ok'
),

-- Text written by the agent: messages and commands.
writings as (
    select
        lines.session_id,
        turns.turn_id,
        lines.created_at as seen_at,
        lines.source_path,
        lines.line_number as source_line,
        blocks.block_text as written_text
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    inner join {{ ref('stg_transcripts__block') }} as blocks on blocks.line_id = lines.line_id
    inner join {{ ref('int_line_turn') }} as turns on turns.line_uuid = lines.line_uuid
    where blocks.block_type = 'text' and lines.line_type = 'assistant'
    union all
    select
        session_id,
        turn_id,
        seen_at,
        source_path,
        source_line,
        command
    from calls
    where command is not null
),

-- File names that are written out, alone or preceded by a folder: part of a longer word would match by
-- chance. `./`, `../` and a variable do not count as a folder.
written_names as (
    select distinct
        session_id,
        turn_id,
        seen_at,
        source_path,
        source_line,
        {{ regex_remove('written_name', '^(?:[.]+|[$][^/]*)/') }} as written_name
    from {{ explode(
        "(select *, " ~ regex_groups('written_text', '((?:[$]?[\\p{L}\\p{N}_@+.-]+/)?' ~ written_name ~ ')')
        ~ " as names from writings)", 'names', 'written_name', 'name_number'
    ) }} as exploded
),

paths as (
    select distinct
        session_id,
        document_path,
        {{ path_name('document_path') }} as document_name,
        nullif({{ path_name('document_path', 2) }}, '') as name_in_folder,
        length({{ regex_replace_all('document_path', "'[^/\\\\\\\\]'", "''") }}) as depth
    from documents
),

-- Names that the session writes with a folder: which of its documents they refer to, or another file.
folder_names as (
    select
        written.session_id,
        {{ path_name('written.written_name') }} as document_name,
        bool_or(paths.document_path is null) as has_other_file,
        bool_or(paths.document_path is not null) as has_document
    from (
        select distinct session_id, written_name from written_names
        where contains(written_name, '/'))
        as written
    left join paths on paths.session_id = written.session_id and paths.name_in_folder = written.written_name
    group by written.session_id, {{ path_name('written.written_name') }}
),

-- A bare name shared by several documents of the session refers to the one nearest the root, or to none if
-- several are equally near. If it is written with folders that match no document, it refers to another file.
names as (
    select
        paths.*,
        {{ regex_matches('paths.document_name', "'^" ~ written_name ~ "$'") }} as is_written_whole,
        paths.depth = min(paths.depth) over (partition by paths.session_id, paths.document_name)
        and count(*) over (partition by paths.session_id, paths.document_name, paths.depth) = 1
        and not coalesce(
            folder_names.has_other_file and not folder_names.has_document, false
        ) as has_bare_name
    from paths
    left join folder_names
        on folder_names.session_id = paths.session_id and folder_names.document_name = paths.document_name
),

written_documents as (
    select
        session_id,
        document_path,
        name_in_folder as written_name
    from names
    where name_in_folder is not null
    union all
    select
        session_id,
        document_path,
        document_name
    from names
    where has_bare_name
),

-- Signs in the same turn, and in the rest of the session: work often continues with the next prompt.
signs as (
    select
        documents.*,
        case
            when calls.turn_id = documents.turn_id then calls.opened_as
            else concat(calls.opened_as, '_later')
        end as used_as,
        calls.source_path,
        calls.seen_at,
        calls.source_line
    from documents
    inner join calls
        on calls.session_id = documents.session_id and calls.target_path = documents.document_path
    where calls.opened_as is not null
    union all
    select
        documents.*,
        case when written_names.turn_id = documents.turn_id then 'named' else 'named_later' end,
        written_names.source_path,
        written_names.seen_at,
        written_names.source_line
    from documents
    inner join written_documents
        on written_documents.session_id = documents.session_id
        and written_documents.document_path = documents.document_path
    inner join written_names
        on written_names.session_id = documents.session_id
        and written_names.written_name = written_documents.written_name
    union all
    -- A name without a dot, or with a space, is searched literally, and only in the same turn.
    select
        documents.*,
        'named',
        writings.source_path,
        writings.seen_at,
        writings.source_line
    from documents
    inner join names
        on names.session_id = documents.session_id and names.document_path = documents.document_path
    inner join writings
        on writings.turn_id = documents.turn_id
        and (
            (names.has_bare_name and contains(writings.written_text, names.document_name))
            or contains(writings.written_text, names.name_in_folder)
        )
    where not names.is_written_whole and length(names.document_name) >= 4
)

-- The last one in each log file: lines with the same time are only ordered within their file.
select
    signs.session_id,
    signs.turn_id,
    signs.document_path,
    signs.used_as,
    signs.source_path,
    max(signs.seen_at) as seen_at,
    {{ value_at_max('signs.source_line', '(signs.seen_at, signs.source_line)') }} as source_line,
    touched._batch_id
from signs
inner join touched on touched.session_id = signs.session_id
where signs.seen_at is not null
group by
    signs.session_id, signs.turn_id, signs.document_path, signs.used_as, signs.source_path, touched._batch_id
