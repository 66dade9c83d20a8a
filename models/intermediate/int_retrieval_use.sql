{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns') }}

with touched as {{ touched_sessions() }},

documents as (
    select
        session_id,
        turn_id,
        document_path,
        any_value(document_name) as document_name,
        min(retrieved_at) as first_retrieved_at
    from {{ ref('int_retrieval') }} as int_retrieval
    semi join touched on touched.session_id = int_retrieval.session_id
    where document_path is not null and turn_id is not null
    group by session_id, turn_id, document_path
),

calls as (
    select
        calls.session_id,
        calls.turn_id,
        calls.called_at,
        calls.tool_name,
        calls.target_path,
        calls.tool_input.command as command
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    where calls.call_status = 'ok'
),

-- What follows in the same turn, and what follows until the session ends: work on a file often goes on at the next prompt.
opened as (
    select
        documents.turn_id,
        documents.document_path,
        max(calls.called_at) filter (where calls.tool_name in ('Edit', 'Write', 'MultiEdit', 'NotebookEdit')) as edited_in_session_at,
        max(calls.called_at) filter (where calls.tool_name in ('Read', 'NotebookRead')) as read_in_session_at,
        max(calls.called_at) filter (
            where calls.tool_name in ('Edit', 'Write', 'MultiEdit', 'NotebookEdit') and calls.turn_id = documents.turn_id
        ) as last_edited_at,
        max(calls.called_at) filter (
            where calls.tool_name in ('Read', 'NotebookRead') and calls.turn_id = documents.turn_id
        ) as last_read_at
    from documents
    inner join calls on calls.session_id = documents.session_id and calls.target_path = documents.document_path
    group by documents.turn_id, documents.document_path
),

-- What the agent wrote afterwards: texts and commands.
writings as (
    select
        lines.session_id,
        turns.turn_id,
        lines.created_at as written_at,
        blocks.block_text as written_text
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    inner join {{ ref('stg_transcripts__block') }} as blocks
        on blocks.file_id = lines.file_id and blocks.line_number = lines.line_number and blocks.part_number = lines.part_number
    inner join {{ ref('int_line_turn') }} as turns on turns.line_uuid = lines.line_uuid
    where blocks.block_type = 'text' and lines.line_type = 'assistant'
    union all
    select
        session_id,
        turn_id,
        called_at,
        command
    from calls
    where tool_name = 'Bash' and command is not null
),

named as (
    select
        documents.turn_id,
        documents.document_path,
        max(writings.written_at) as last_named_at
    from documents
    inner join writings
        on writings.turn_id = documents.turn_id and writings.written_at > documents.first_retrieved_at
        and contains(writings.written_text, documents.document_name)
    where length(documents.document_name) >= 4
    group by documents.turn_id, documents.document_path
),

-- Over a whole session only a name of a file that is written out counts, alone or with its own folder before it: a part of a
-- word, or a file of the same name elsewhere, would be met by chance.
written_names as (
    select
        session_id,
        written_name,
        max(written_at) as written_at
    from {{ explode(
        "(select session_id, written_at, "
        ~ regex_groups('written_text', '((?:[\\p{L}\\p{N}_@+.-]+/)?[.]?[\\p{L}\\p{N}_@+-]+(?:[.][\\p{L}\\p{N}_@+-]+)+)')
        ~ " as names from writings)",
        'names', 'written_name', 'name_number'
    ) }} as exploded
    group by session_id, written_name
),

document_names as (
    select session_id, turn_id, document_path, document_name as written_name from documents
    union all
    select session_id, turn_id, document_path, {{ path_name('document_path', 2) }} from documents
),

named_in_session as (
    select
        document_names.turn_id,
        document_names.document_path,
        max(written_names.written_at) as named_in_session_at
    from document_names
    inner join written_names
        on written_names.session_id = document_names.session_id and written_names.written_name = document_names.written_name
    group by document_names.turn_id, document_names.document_path
)

select
    documents.session_id,
    documents.turn_id,
    documents.document_path,
    opened.last_edited_at,
    opened.last_read_at,
    named.last_named_at,
    opened.edited_in_session_at,
    opened.read_in_session_at,
    named_in_session.named_in_session_at,
    touched._batch_id
from documents
inner join touched on touched.session_id = documents.session_id
left join opened on opened.turn_id = documents.turn_id and opened.document_path = documents.document_path
left join named on named.turn_id = documents.turn_id and named.document_path = documents.document_path
left join named_in_session
    on named_in_session.turn_id = documents.turn_id and named_in_session.document_path = documents.document_path
where opened.turn_id is not null or named.turn_id is not null or named_in_session.turn_id is not null
