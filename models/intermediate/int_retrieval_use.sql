{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns') }}

with touched as {{ touched_sessions() }},

documents as (
    select
        session_id,
        turn_id,
        document_path,
        any_value(document_name) as document_name,
        min(retrieved_at) as first_retrieved_at
    from {{ ref('int_retrieval') }}
    semi join touched on touched.session_id = int_retrieval.session_id
    where document_path is not null and turn_id is not null
    group by session_id, turn_id, document_path
),

calls as (
    select
        calls.turn_id,
        calls.called_at,
        calls.tool_name,
        calls.target_path,
        calls.tool_input.command as command
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    where calls.call_status = 'ok' and calls.turn_id is not null
),

opened as (
    select
        documents.turn_id,
        documents.document_path,
        max(calls.called_at) filter (where calls.tool_name in ('Edit', 'Write', 'MultiEdit', 'NotebookEdit')) as last_edited_at,
        max(calls.called_at) filter (where calls.tool_name in ('Read', 'NotebookRead')) as last_read_at
    from documents
    inner join calls on calls.turn_id = documents.turn_id and calls.target_path = documents.document_path
    group by documents.turn_id, documents.document_path
),

-- What the agent wrote afterwards: texts and commands.
writings as (
    select
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
)

select
    documents.session_id,
    documents.turn_id,
    documents.document_path,
    opened.last_edited_at,
    opened.last_read_at,
    named.last_named_at,
    touched._batch_id
from documents
inner join touched on touched.session_id = documents.session_id
left join opened on opened.turn_id = documents.turn_id and opened.document_path = documents.document_path
left join named on named.turn_id = documents.turn_id and named.document_path = documents.document_path
where opened.turn_id is not null or named.turn_id is not null
