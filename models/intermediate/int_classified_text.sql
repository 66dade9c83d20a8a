-- depends_on: {{ ref('intent_rules') }}
{{ config(materialized='incremental', incremental_strategy='append', zstd_columns=['classified_text']) }}

{#-
    Half of the matches further down that were read by hand were wrong: reports, quotes and thoughts begin
    there like requests.
#}
{%- set deciding_clauses = var('deciding_clauses', 2) %}

-- Every text that expresses a request, once: prompts, delegations, task items. Rules: intent_rules.
with todo_writes as (
    select result.newTodos as todos, _batch_id
    from {{ ref('int_tool_call') }}
    where tool_name = 'TodoWrite' and result.newTodos is not null and {{ unseen() }}
),

texts as (
    select prompt_text as classified_text, _batch_id from {{ ref('int_turn') }}
    where prompt_text is not null
    union all
    -- The text of a task, as in dim_task.
    select
        case
            when tool_name = 'TaskCreate'
                then coalesce(tool_input.subject, tool_input.description, result.task.subject)
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
        lower(replace(replace(
            case
                when length(classified_text) <= 3000 then classified_text
                else left(classified_text, 2000) || chr(10) || right(classified_text, 1000)
            end, '’', ''''
        ), chr(160), ' ')) as rule_text
    from distinct_texts
    {% if is_incremental() %}
        anti join {{ this }} as known on known.text_hash = distinct_texts.text_hash
    {% endif %}
),

-- A rule about the whole text precedes rules about its parts, so its clauses need not be read.
told_by_the_whole as (
    select text_hash, rule_order
    from (
        select
            text_hash,
            {{ rule_cases('intent_rules', {
                'text': 'regexp_matches(rule_text, {pattern})', 'clause': 'false', 'pasted': 'false',
                'preparation': 'false', 'hint': 'false'
            }, 'rule_order') }} as rule_order
        from fresh
    ) as matched
    where rule_order is not null
),

to_be_parted as (
    select fresh.*
    from fresh
    anti join told_by_the_whole on told_by_the_whole.text_hash = fresh.text_hash
),

parted as (
    select text_hash, {{ request_clauses('rule_text') }} as all_clauses
    from to_be_parted
),

-- Only the beginning and the end of a long text count: pasted content is in between.
outer_parts as (
    select text_hash, {{ first_and_last('all_clauses', 12, 3) }} as clauses
    from parted
),

bare_clauses as (
    select text_hash, clause_number, left({{ without_lead_in('clause') }}, 400) as clause
    from {{ explode('outer_parts', 'clauses', 'clause', 'clause_number') }} as exploded
),

clauses as (
    select
        text_hash,
        clause,
        row_number() over (partition by text_hash order by clause_number) as clause_number,
        count(*) over (partition by text_hash) as clause_count
    from bare_clauses
    where clause <> ''
),

-- A rule about the whole text comes first, then the first clause that asks for something, then the hints.
-- Reading and searching count only if nothing follows them. Text below a pasted error is output and asks for
-- nothing.
found as (
    select text_hash, 0 as clause_number, rule_order from told_by_the_whole
    union all
    select
        text_hash,
        clause_number,
        {{ rule_cases('intent_rules', {
            'text': 'false', 'clause': 'regexp_matches(clause, {pattern})', 'pasted': 'false',
            'preparation': 'clause_number = clause_count and regexp_matches(clause, {pattern})',
            'hint': 'regexp_matches(clause, {pattern})'
        }, 'rule_order') }} as rule_order
    from clauses
    where clause_number <= {{ deciding_clauses }}
    union all
    select
        text_hash,
        0 as clause_number,
        {{ rule_cases('intent_rules', {
            'text': 'false', 'clause': 'false', 'pasted': 'regexp_matches(rule_text, {pattern})',
            'preparation': 'false', 'hint': 'false'
        }, 'rule_order') }} as rule_order
    from to_be_parted
),

ranked as (
    select
        found.text_hash,
        rules.category,
        rules.rule_name,
        rules.confidence,
        row_number() over (
            partition by found.text_hash
            order by
                case
                    when rules.source = 'text' then 1
                    when rules.source = 'clause' and found.clause_number = 1 then 2
                    when rules.source = 'pasted' then 3
                    when rules.source = 'clause' then 4
                    when rules.source = 'hint' and rules.category = 'debug' then 5
                    when rules.source = 'preparation' then 6
                    else 7
                end,
                found.clause_number, found.rule_order
        ) as rank_in_text
    from found
    inner join {{ ref('intent_rules') }} as rules on rules.rule_order = found.rule_order
)

select
    fresh.text_hash,
    fresh.classified_text,
    coalesce(ranked.category, 'unknown') as category,
    coalesce(ranked.rule_name, 'no_rule') as rule_name,
    coalesce(ranked.confidence, 0.2) as confidence,
    fresh._batch_id
from fresh
left join ranked on ranked.text_hash = fresh.text_hash and ranked.rank_in_text = 1
