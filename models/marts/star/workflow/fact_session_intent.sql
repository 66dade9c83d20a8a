with statements as (
    select
        turns.turn_id,
        turns.session_id,
        turns.turn_number,
        {{ surrogate_key(['md5(turns.prompt_text)']) }} as intent_id,
        turns.prompted_at,
        outcomes.outcome_id,
        outcomes.success,
        outcomes.completed_at,
        outcomes.success_basis,
        outcomes.confidence,
        turns.source_path,
        turns.source_line,
        turns._batch_id
    from {{ ref('int_turn') }} as turns
    left join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = turns.turn_id
    where turns.is_human and turns.prompt_text is not null
),

-- An intent that is repeated in a session counts once: stated when it was first given, judged by its last
-- judgement.
intents as (
    select
        intent_id,
        session_id,
        min(prompted_at) as stated_at,
        min_by(turn_id, turn_number) as first_turn_id,
        max_by(turn_id, turn_number) filter (where success is not null) as judged_turn_id,
        count(*) as statement_count,
        min_by(source_path, turn_number) as source_path,
        min_by(source_line, turn_number) as source_line,
        max(_batch_id) as _batch_id
    from statements
    group by intent_id, session_id
)

select
    intents.intent_id,
    intents.session_id,
    actors.agent_id,
    intents.first_turn_id as prompt_id,
    intents.judged_turn_id as task_id,
    judged.outcome_id,
    intents.stated_at,
    judged.success as achieved,
    case when judged.success then judged.completed_at end as achieved_at,
    judged.success_basis as achieved_basis,
    'estimated' as provenance,
    judged.confidence,
    cast(intents.statement_count as bigint) as statement_count,
    intents.source_path as _source_path,
    intents.source_line as _source_line,
    intents._batch_id
from intents
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = intents.session_id and actors.actor = 'main'
left join statements as judged on judged.turn_id = intents.judged_turn_id
