with calls as (
    select
        tool_use_id,
        {{ json_struct('tool_input_json', '{"questions": [{"question": "VARCHAR", "header": "VARCHAR",
            "multiSelect": "BOOLEAN", "options": [{"label": "VARCHAR", "description": "VARCHAR"}]}]}'
        ) }}.questions as questions,
        _batch_id
    from {{ ref('stg_transcripts__block') }}
    where tool_name = 'AskUserQuestion' and tool_use_id is not null
),

asked as (
    select
        tool_use_id,
        question_number,
        question.question as question_text,
        question.header as question_header,
        coalesce(question.multiSelect, false) as is_multi_select,
        {{ list_field('question.options', 'label') }} as option_labels,
        {{ list_field('question.options', 'description') }} as option_descriptions,
        _batch_id
    from {{ explode('calls', 'questions', 'question', 'question_number') }} as exploded
),

results as (
    select
        blocks.tool_use_id,
        results.result.answers as answers,
        results.result.annotations as annotations
    from {{ ref('stg_transcripts__block') }} as blocks
    inner join {{ ref('stg_transcripts__tool_use_result') }} as results on results.line_id = blocks.line_id
    where blocks.block_type = 'tool_result' and blocks.tool_use_id in (select tool_use_id from calls)
),

-- Answers are keyed by the question's text. For multiple choice some clients write a list and others a
-- comma-separated text: here it is always the text.
answers as (
    select
        results.tool_use_id,
        entry.key as question_text,
        max({{ json_joined('entry.value') }}) as answer_text
    from results, json_each(results.answers) as entry
    where results.answers is not null
    group by all
),

notes as (
    select
        results.tool_use_id,
        entry.key as question_text,
        max({{ json_scalar('entry.value', '$.notes') }}) as note_text,
        max({{ json_scalar('entry.value', '$.unanswered') }}) as unanswered_reason
    from results, json_each(results.annotations) as entry
    where results.annotations is not null
    group by all
)

-- A call that appears in several files has the same questions in all of them.
select
    asked.tool_use_id,
    asked.question_number,
    max(asked.question_text) as question_text,
    max(asked.question_header) as question_header,
    bool_or(asked.is_multi_select) as is_multi_select,
    max(asked.option_labels) as option_labels,
    max(asked.option_descriptions) as option_descriptions,
    max(answers.answer_text) as answer_text,
    max(notes.note_text) as note_text,
    max(notes.unanswered_reason) as unanswered_reason,
    max(asked._batch_id) as _batch_id
from asked
left join answers on answers.tool_use_id = asked.tool_use_id and answers.question_text = asked.question_text
left join notes on notes.tool_use_id = asked.tool_use_id and notes.question_text = asked.question_text
group by asked.tool_use_id, asked.question_number
