-- depends_on: {{ ref('intent_rules') }}
{{ config(materialized='incremental', incremental_strategy='append', zstd_columns=['classified_text']) }}

-- Every text that says what is wanted, once: prompts, delegations, items of task lists. The rules are rows of intent_rules.
with todo_writes as (
    select result.newTodos as todos, _batch_id
    from {{ ref('int_tool_call') }}
    where tool_name = 'TodoWrite' and result.newTodos is not null and {{ unseen() }}
),

texts as (
    select prompt_text as classified_text, _batch_id from {{ ref('int_turn') }} where prompt_text is not null
    union all
    -- The text of a task, as dim_task names it.
    select
        case
            when tool_name = 'TaskCreate' then coalesce(tool_input.subject, tool_input.description, result.task.subject)
            else coalesce(tool_input.description, tool_input.subject, tool_input.prompt)
        end as classified_text,
        _batch_id
    from {{ ref('int_tool_call') }}
    where tool_name in ('Agent', 'Task', 'TaskCreate')
    union all
    select todo.content as classified_text, _batch_id
    from {{ explode('todo_writes', 'todos', 'todo', 'todo_number') }} as exploded
),

distinct_texts as (
    select
        md5(classified_text) as text_hash,
        classified_text,
        max(_batch_id) as _batch_id
    from texts
    where classified_text is not null and {{ unseen() }}
    group by classified_text
),

fresh as (
    select
        *,
        left(lower(replace(classified_text, '’', '''')), 2000) as rule_text
    from distinct_texts
    {% if is_incremental() %}anti join {{ this }} as known on known.text_hash = distinct_texts.text_hash{% endif %}
),

ruled as (
    select
        *,
        {{ rule_cases('intent_rules', {'text': 'regexp_matches(rule_text, {pattern})'}, 'rule_order') }} as rule_order
    from fresh
)

select
    ruled.text_hash,
    ruled.classified_text,
    coalesce(rules.category, 'other') as category,
    coalesce(rules.rule_name, 'no_rule') as rule_name,
    coalesce(rules.confidence, 0.2) as confidence,
    ruled._batch_id
from ruled
left join {{ ref('intent_rules') }} as rules on rules.rule_order = ruled.rule_order
