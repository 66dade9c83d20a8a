{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

turns as (
    select
        turns.*,
        md5(turns.prompt_text) as text_hash,
        coalesce(texts.rule_name, 'no_rule') as prompt_rule,
        texts.category as prompt_category
    from {{ ref('int_turn') }} as turns
    semi join touched on touched.session_id = turns.session_id
    left join {{ ref('int_classified_text') }} as texts on texts.text_hash = md5(turns.prompt_text)
),

-- The person's next prompt, regardless of machine prompts in between.
reactions as (
    select
        turns.turn_id,
        human_turns.turn_id as reaction_prompt_id,
        human_turns.text_hash as reaction_hash,
        human_turns.prompt_category as reaction_category,
        human_turns.prompt_rule as reaction_rule,
        -- A person who approves of one thing and criticises another may mean two different responses.
        {{ regex_matches(
            'lower(human_turns.prompt_text)',
            "'\\b(it|that|this|which|all|everything|rest)(''s| is| looks| seems) (now |all |just |really )?"
            ~ "(fine|good|great|perfect|ok|okay)\\b|\\bworks (now|fine|well|great|perfectly)\\b'"
        ) }} as reaction_is_mixed,
        {{ regex_matches(
            'lower(human_turns.prompt_text)',
            "'^\\W*((oh|ah|oops|ok|wait|sorry|no)\\W+)*(my (mistake|bad|fault|error)\\b|i forgot\\b"
            ~ "|never ?mind\\b|nvm\\b|i was wrong\\b|wrong (window|session|terminal|project)\\b)'"
        ) }} as reaction_takes_blame,
        row_number() over (partition by turns.turn_id order by human_turns.turn_number) as reaction_rank
    from turns
    inner join turns as human_turns
        on human_turns.session_id = turns.session_id and human_turns.turn_number > turns.turn_number
        and human_turns.is_human
),

delegations as (
    select
        tool_use_id as task_id,
        session_id,
        called_at as started_at,
        call_status,
        error_type,
        coalesce(subagent_type, 'general-purpose') as subagent_type,
        is_background,
        -- Given again under the same title after it had returned: several at the same time are a fan-out.
        coalesce(
            not is_background
            and max(called_at) over (partition by task_id, subagent_type, work_hash) > returned_at, false
        ) as was_given_again
    from {{ touched_rows(ref('int_task_call')) }} as calls
    where tool_name in ('Agent', 'Task') and task_source = 'prompt'
),

tasks as (
    select
        turns.turn_id as task_id,
        turns.session_id,
        'prompt' as task_source,
        turns.prompted_at as started_at,
        turns.interrupted_at,
        turns.is_human,
        turns.prompt_rule,
        turns.permission_mode,
        -- A person who asks for a trial, a way back or a clean folder is not disappointed when edits are
        -- discarded.
        coalesce({{ regex_matches(
            'lower(turns.prompt_text)',
            "'\\b(revert|undo|undone|roll(ing)? ?back|restor(e|ing)|discard|throw (it |them |that )?away"
            ~ "|stash|reset|checkout|check out|temporar|experiment|try out|scratch|clean|drop|remove"
            ~ "|delete|back to)'"
        ) }}, false) as speaks_of_undoing,
        -- A commit serves the person who asked for it; an unrequested one says nothing about the work.
        coalesce(
            (
                turns.prompt_category in ('git', 'release')
                and turns.prompt_rule not in (
                    'git_question', 'git_state_told', 'git_branch_switch', 'git_conflicts'
                )
            )
            or {{ regex_matches(
                'lower(left(turns.prompt_text, 2000))',
                "'(^/?|[.,\\x3b:!?\\n] *|\\b(and|then|please|also|to|you|just|now|first) +)"
                ~ "(commit|push)(\\W|$)'"
            ) }},
            false
        ) as asks_for_commit,
        'ok' as delegation_status,
        cast(null as varchar) as delegation_error,
        cast(null as varchar) as subagent_type,
        false as is_background,
        false as was_given_again,
        turns.next_turn_id is not null as has_next_turn,
        -- A word, a command, a check or a commit is requested again for many reasons.
        case
            when
                length(turns.prompt_text) > 25
                and coalesce(turns.prompt_category, 'unknown') not in (
                    'command', 'continue', 'git', 'release', 'test', 'thanks'
                )
                then turns.text_hash
        end as text_hash
    from turns
    union all
    select
        task_id,
        session_id,
        'delegation',
        started_at,
        cast(null as timestamp),
        false,
        'no_rule',
        cast(null as varchar),
        false,
        false,
        call_status,
        error_type,
        subagent_type,
        is_background,
        was_given_again,
        false,
        cast(null as varchar)
    from delegations
)

select
    tasks.task_id,
    tasks.session_id,
    reactions.reaction_prompt_id,
    tasks.started_at,
    tasks.interrupted_at,
    tasks.task_source,
    tasks.prompt_rule,
    tasks.permission_mode,
    tasks.delegation_status,
    tasks.delegation_error,
    tasks.subagent_type,
    reactions.reaction_category,
    reactions.reaction_rule,
    tasks.is_human,
    tasks.speaks_of_undoing,
    tasks.asks_for_commit,
    tasks.is_background,
    tasks.was_given_again,
    tasks.has_next_turn,
    coalesce(reactions.reaction_is_mixed, false) as reaction_is_mixed,
    coalesce(reactions.reaction_takes_blame, false) as reaction_takes_blame,
    coalesce(reactions.reaction_hash = tasks.text_hash, false) as was_asked_again,
    touched._batch_id
from tasks
inner join touched on touched.session_id = tasks.session_id
left join reactions on reactions.turn_id = tasks.task_id and reactions.reaction_rank = 1
