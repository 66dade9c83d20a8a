{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

questions as (
    select
        calls.session_id,
        asked.*,
        -- The same words with different options are a different question.
        lead(calls.tool_use_id) over (
            partition by calls.session_id, asked.question_text, asked.option_labels
            order by calls.called_at nulls last, calls.tool_use_id
        ) is not null as was_asked_again
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    inner join {{ ref('stg_transcripts__question') }} as asked on asked.tool_use_id = calls.tool_use_id
    where calls.tool_name = 'AskUserQuestion' and calls.call_status <> 'error'
),

question_options as (
    select
        tool_use_id,
        question_number,
        option_number,
        option_label,
        answer_text,
        case
            when is_multi_select then position(', ' || option_label || ',' in ', ' || answer_text || ',') > 0
            -- A user who adds something to an option has chosen it.
            else option_label = answer_text
                or length(option_label) >= 5 and starts_with(
                    answer_text, {{ regex_remove('option_label', ' \\(Recommended\\)$') }}
                )
        end as is_chosen
    from {{ explode('questions', 'option_labels', 'option_label', 'option_number') }} as exploded
),

question_choices as (
    select
        tool_use_id,
        question_number,
        count(*) as option_count,
        count(*) filter (where is_chosen) as chosen_count,
        min(option_number) filter (where is_chosen) as chosen_number,
        {{ ordered_list_json('case when is_chosen is not true then option_label end', 'option_number') }}
            as alternatives
    from question_options
    group by all
),

option_descriptions as (
    select tool_use_id, question_number, option_number, option_description
    from {{ explode('questions', 'option_descriptions', 'option_description', 'option_number') }} as exploded
)

select
    questions.tool_use_id,
    questions.session_id,
    questions.question_number,
    questions.question_text,
    questions.answer_text,
    questions.note_text,
    question_choices.alternatives,
    option_descriptions.option_description as chosen_description,
    questions.was_asked_again,
    coalesce(question_choices.option_count, 0) as option_count,
    coalesce(question_choices.chosen_count, 0) as chosen_count,
    question_choices.chosen_number,
    touched._batch_id
from questions
inner join touched on touched.session_id = questions.session_id
left join question_choices
    on question_choices.tool_use_id = questions.tool_use_id
    and question_choices.question_number = questions.question_number
left join option_descriptions
    on option_descriptions.tool_use_id = questions.tool_use_id
    and option_descriptions.question_number = questions.question_number
    and option_descriptions.option_number = question_choices.chosen_number
