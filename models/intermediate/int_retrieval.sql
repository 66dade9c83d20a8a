{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['chunk_text']) }}

{%- set numbers = '^ *[0-9]+(?:\u2192|\\t)' -%}

with touched as {{ touched_sessions() }},

calls as (
    select calls.*
    from {{ ref('int_retrieval_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
),

reads as (
    select
        *,
        {{ absolute_path('target', 'folder') }} as document_path,
        -- Without line numbers and the client's additions.
        case
            when has_failed or has_found_nothing or is_compound then null
            when tool_name in ('Read', 'NotebookRead')
                then {{ regex_remove_per_line(
                    regex_remove('result_text', '\\n*<system-reminder>[\\s\\S]*'), numbers
                ) }}
            else result_text
        end as chunk_text
    from calls
    where
        retrieval_method in ('path', 'url') and target is not null
        and not (tool_name = 'Bash' and (has_broken or has_pattern))
),

searches as (
    select
        calls.*,
        -- Results of a search in one file belong to that file.
        coalesce(
            found.document_path,
            case
                when
                    calls.is_one_file and not calls.has_failed and not calls.has_found_nothing
                    and not {{ regex_matches('calls.result_text', "'^Found [0-9]'") }}
                    then {{ absolute_path('calls.target', 'calls.folder') }}
            end
        ) as document_path,
        found.line_start as found_line_start,
        found.line_end as found_line_end,
        coalesce(found.chunk_text, case when found.tool_use_id is null then calls.result_text end)
            as chunk_text,
        found.result_rank,
        greatest(coalesce(found.result_count, 0), coalesce(calls.stated_file_count, 0)) as result_count
    from calls
    left join {{ touched_rows(ref('int_found_document')) }} as found on found.tool_use_id = calls.tool_use_id
    where
        calls.retrieval_method in ('keyword', 'glob') and not calls.has_broken
        -- Nine out of ten searches in the corpus find no more. result_count keeps the full number.
        and coalesce(found.result_rank, 1) <= {{ var('search_documents_kept', 20) }}
),

attached as (
    select
        attachments.line_uuid as retrieval_event,
        places.session_id,
        places.actor,
        turns.turn_id,
        attachments.created_at as retrieved_at,
        attachments.attachment_type,
        places.source_path,
        places.line_number as source_line,
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
    inner join {{ ref('int_line') }} as places on places.line_id = attachments.line_id
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
            line_end,
            case
                when chunk_text is not null
                    then line_start + {{ occurrence_count("rtrim(chunk_text, chr(10))", '\n') }}
            end
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
        case
            when attachment_type in ('file', 'directory', 'pdf_reference', 'selected_lines_in_ide')
                then 'mention'
            else 'automatic'
        end,
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
        when retrievals.is_miss or retrievals.is_unanswered or nullif(retrievals.document_path, '') is null
            then null
        when retrievals.chunk_text is null and retrievals.line_start is null then 'document'
        when retrievals.retrieval_method in ('keyword', 'glob') then 'match'
        else 'range'
    end as chunk_kind,
    md5(retrievals.chunk_text) as chunk_hash,
    -- The text of a file that may hold secrets is not kept.
    case
        when not coalesce({{ may_hold_secrets('retrievals.document_path') }}, false)
            then left(retrievals.chunk_text, {{ var('chunk_characters_kept') }})
    end as chunk_text,
    retrievals.is_miss,
    retrievals.line_start,
    case when retrievals.line_end is not null then greatest(retrievals.line_start, retrievals.line_end) end
        as line_end,
    retrievals.document_line_count,
    {{ char_count('retrievals.chunk_text') }} as text_characters,
    retrievals.result_rank,
    retrievals.result_count,
    retrievals.source_path,
    retrievals.source_line,
    touched._batch_id
from retrievals
inner join touched on touched.session_id = retrievals.session_id
