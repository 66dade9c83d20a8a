-- depends_on: {{ ref('instruction_files') }}
{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

-- Results that were carried for long, and whether they were used in what the agent wrote later: responses and
-- call inputs. Words are compared as sets, once per session: the work grows with the text, not with pairs of
-- texts.
with touched as {{ touched_sessions() }},

carried as (
    select
        segment_id,
        session_id,
        max(tool_use_id) as tool_use_id,
        max(file_path) as file_path,
        max(line_uuid) as line_uuid
    from {{ ref('int_context_segment') }} as int_context_segment
    semi join touched on touched.session_id = int_context_segment.session_id
    where item_kind in ('tool_result', 'reference_file')
    group by segment_id, session_id
    -- Half of the file reads of the corpus are carried for fewer requests.
    having max(left_response_number) - min(entered_response_number) >= {{ var('carried_long_requests', 33) }}
),

-- Only sessions in which something was carried for long are read any further.
blocks as (
    select
        blocks.session_id,
        blocks.line_uuid,
        blocks.created_at,
        blocks.line_type,
        blocks.block_type,
        blocks.tool_use_id,
        -- An escaped line end within JSON is not a letter of the next word.
        case
            when blocks.block_type = 'tool_use'
                then replace(cast(blocks.tool_input_json as varchar), '\n', ' ')
            else blocks.block_text
        end as said_text
    from {{ ref('int_block') }} as blocks
    semi join carried on carried.session_id = blocks.session_id
    where blocks.block_type in ('text', 'tool_use', 'tool_result')
),

said_texts as (
    -- The name of a file may be shorter than a distinctive word.
    select session_id, created_at, {{ file_words('said_text', 4) }} as words
    from blocks
    where line_type = 'assistant' and block_type in ('text', 'tool_use') and created_at is not null
),

said as (
    select session_id, word, min(created_at) as first_said_at, max(created_at) as last_said_at
    from {{ explode('said_texts', 'words', 'word', 'word_number') }} as exploded
    group by session_id, word
),

results as (
    select
        carried.segment_id,
        carried.session_id,
        carried.tool_use_id,
        carried.file_path,
        {{ path_name('carried.file_path') }} as file_name,
        coalesce(max(blocks.created_at), max(lines.created_at)) as returned_at,
        max(left(blocks.said_text, {{ var('text_characters_kept') }})) as result_text
    from carried
    left join blocks
        on blocks.tool_use_id = carried.tool_use_id
        and blocks.session_id = carried.session_id
        and blocks.block_type = 'tool_result'
    left join {{ ref('int_line') }} as lines
        on lines.line_uuid = carried.line_uuid and lines.session_id = carried.session_id
    group by carried.segment_id, carried.session_id, carried.tool_use_id, carried.file_path
),

result_words as (
    -- Shorter names with a digit, a sign or an inner capital (`to_do`, `v1.2`, `e.g`) are in almost every
    -- longer text.
    select *, {{ file_words('result_text', var('telling_word_characters', 6)) }} as words
    from results
    where returned_at is not null and result_text is not null
),

-- A name that nobody would write by chance, and that the agent had not written before it saw the result.
quotes as (
    select
        exploded.segment_id,
        count(*) as quoted_word_count,
        min(said.first_said_at) as first_quoted_at
    from {{ explode('result_words', 'words', 'word', 'word_number') }} as exploded
    inner join said
        on said.session_id = exploded.session_id
        and said.word = exploded.word
        and said.first_said_at > exploded.returned_at
    where {{ regex_matches('exploded.word', "'[0-9_.-]|[a-z][A-Z]'") }}
    group by exploded.segment_id
),

-- If the call of a result is not in the log, there is no invocation to join.
calls as (
    select int_tool_call.tool_use_id
    from {{ ref('int_tool_call') }} as int_tool_call
    semi join carried on carried.session_id = int_tool_call.session_id
)

select
    results.segment_id,
    results.session_id,
    calls.tool_use_id as invocation_id,
    results.returned_at,
    quotes.first_quoted_at,
    case
        when said.last_said_at > results.returned_at then 'file_named'
        when quotes.segment_id is not null then 'words_quoted'
        when coalesce(results.file_path, '') = '' and coalesce(results.result_text, '') = '' then 'untested'
        else 'nothing_named'
    end as use_test,
    case
        when results.file_path <> ''
            then {{ rule_cases(
                'instruction_files', {'text': 'regexp_matches(results.file_path, {pattern})'}, 'rule_name'
            ) }}
    end
        as instruction_rule,
    'estimated' as provenance,
    cast(coalesce(quotes.quoted_word_count, 0) as bigint) as quoted_word_count,
    touched._batch_id
from results
inner join touched on touched.session_id = results.session_id
left join calls on calls.tool_use_id = results.tool_use_id
left join quotes on quotes.segment_id = results.segment_id
left join said on said.session_id = results.session_id and said.word = results.file_name
