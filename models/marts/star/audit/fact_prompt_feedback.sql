with prompts as (
    select * from {{ ref('fact_prompt') }}
),

-- Responses of the main thread: subagents do not answer a person.
answers as (
    select
        responses.prompt_id,
        responses.session_id,
        responses.response_id,
        responses.responded_at,
        right(responses.response_text, 200) as text_end
    from {{ ref('fact_response') }} as responses
    inner join prompts
        on prompts.prompt_id = responses.prompt_id and prompts.agent_id = responses.agent_id
),

features as (
    select * from {{ ref('int_task_feature') }}
),

-- Last text of the agent in each turn.
last_texts as (
    select
        prompt_id,
        max_by(text_end, (responded_at, response_id)) filter (where text_end is not null) as last_text
    from answers
    group by prompt_id
),

-- Thanks or corrections are about the last answered prompt of a person before them. "No" to a question is an
-- answer, not a correction.
reactions as (
    select
        prompts.prompt_id,
        prompts.session_id,
        prompts.user_id,
        prompts._batch_id,
        features.reaction_prompt_id,
        features.reaction_category,
        features.reaction_rule,
        features.reaction_rule in ('refusal_no', 'correction_other_language')
        and {{ ends_with_question('last_texts.last_text') }} as is_answer,
        row_number() over (partition by features.reaction_prompt_id order by prompts.turn_number desc)
            as nearness
    from prompts
    inner join features on features.task_id = prompts.prompt_id
    left join last_texts on last_texts.prompt_id = prompts.prompt_id
    where
        features.reaction_category in ('correction', 'thanks')
        and features.response_count > 0
        and prompts.is_human
),

-- Approving a plan and clearing the context for it looks like a refused call, but is not negative feedback.
handed_over as (
    select invocation_id, task_id
    from {{ ref('fact_decision') }}
    where decision_kind = 'plan' and option_chosen = 'approved' and invocation_id in (
            select invocation_id from {{ ref('fact_tool_invocation') }}
            where status <> 'ok'
        )
),

recorded as (
    select * from {{ ref('int_recorded_feedback') }}
),

-- Feedback without a named prompt is about the last response before it in the session.
judged as (
    select
        recorded.feedback_id,
        {{ value_at_max('answers.prompt_id', '(answers.responded_at, answers.response_id)') }} as prompt_id
    from recorded
    inner join answers
        on answers.session_id = recorded.session_id and answers.responded_at <= recorded.given_at
    group by recorded.feedback_id
),

feedback as (
    select
        {{ surrogate_key(['prompt_id', "'interruption'"]) }} as feedback_id,
        prompt_id,
        session_id,
        user_id,
        interrupted_at as feedback_at,
        'interruption' as feedback_type,
        cast(null as varchar) as feedback_text,
        cast(null as varchar) as feedback_rule,
        'observed' as provenance,
        1.0 as confidence,
        cast(null as double) as rating,
        cast(null as varchar) as invocation_id,
        cast(null as varchar) as reaction_prompt_id,
        _source_path,
        _source_line,
        _batch_id
    from prompts
    where
        interrupted_at is not null
        and prompt_id not in (
            select task_id from handed_over
            where task_id is not null
        )
    union all
    select
        calls.invocation_id as feedback_id,
        calls.prompt_id,
        asked.session_id,
        asked.user_id,
        calls.completed_at,
        'rejection',
        coalesce(calls.user_feedback, {{ rejection_text('calls.error_text') }}),
        cast(null as varchar),
        'observed',
        1.0,
        cast(null as double),
        calls.invocation_id,
        cast(null as varchar),
        calls._source_path,
        calls._source_line,
        asked._batch_id
    from {{ ref('fact_tool_invocation') }} as calls
    inner join prompts as asked on asked.prompt_id = calls.prompt_id
    where
        calls.error_type = 'denied_user'
        and calls.invocation_id not in (select invocation_id from handed_over)
        and not {{ is_broken_off(
            'calls.error_type', 'calls.tool_name', 'asked.permission_mode', 'calls.invoked_at',
            'calls.completed_at'
        ) }}
    union all
    select
        {{ surrogate_key(['reactions.reaction_prompt_id', "'reaction'"]) }},
        reactions.prompt_id,
        reactions.session_id,
        reactions.user_id,
        said.prompted_at,
        reactions.reaction_category,
        said.prompt_text,
        reactions.reaction_rule,
        'estimated',
        coalesce(rules.confidence, 0.2),
        cast(null as double),
        cast(null as varchar),
        reactions.reaction_prompt_id,
        said._source_path,
        said._source_line,
        reactions._batch_id
    from reactions
    inner join prompts as said on said.prompt_id = reactions.reaction_prompt_id
    left join {{ ref('intent_rules') }} as rules on rules.rule_name = reactions.reaction_rule
    where reactions.nearness = 1 and not reactions.is_answer
    union all
    select
        recorded.feedback_id,
        coalesce(recorded.named_turn_id, judged.prompt_id),
        recorded.session_id,
        recorded.user_id,
        recorded.given_at,
        recorded.feedback_type,
        recorded.feedback_text,
        cast(null as varchar),
        recorded.provenance,
        1.0,
        recorded.rating,
        cast(null as varchar),
        cast(null as varchar),
        recorded.source_path,
        recorded.source_line,
        recorded._batch_id
    from recorded
    left join judged on judged.feedback_id = recorded.feedback_id
),

last_answers as (
    select
        feedback.feedback_id,
        max_by(answers.response_id, (answers.responded_at, answers.response_id)) as response_id
    from feedback
    inner join answers
        on answers.prompt_id = feedback.prompt_id
        and (feedback.feedback_at is null or answers.responded_at <= feedback.feedback_at)
    group by feedback.feedback_id
)

select
    feedback.feedback_id,
    feedback.prompt_id,
    last_answers.response_id,
    coalesce(prompts.session_id, feedback.session_id) as session_id,
    prompts.agent_id,
    feedback.invocation_id,
    feedback.reaction_prompt_id,
    coalesce(prompts.user_id, feedback.user_id) as user_id,
    feedback.feedback_at,
    feedback.feedback_type,
    left(feedback.feedback_text, {{ var('text_characters_kept') }}) as feedback_text,
    feedback.feedback_rule,
    feedback.provenance,
    cast(feedback.confidence as double) as confidence,
    feedback.rating,
    feedback._source_path,
    feedback._source_line,
    feedback._batch_id
from feedback
left join prompts on prompts.prompt_id = feedback.prompt_id
left join last_answers on last_answers.feedback_id = feedback.feedback_id
