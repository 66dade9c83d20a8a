-- depends_on: {{ ref('decision_rules') }}
with decisions as (
    select * from {{ ref('int_decision') }}
),

outcomes as (
    select * from {{ ref('fact_task_outcome') }}
),

features as (
    select * from {{ ref('int_task_feature') }}
),

-- Files were edited after the decision and the changes then discarded. Discarding other changes undoes
-- nothing.
undoings as (
    select distinct decisions.decision_id
    from decisions
    inner join features on features.task_id = decisions.turn_id and features.ended_reverted
    inner join {{ ref('int_task_call') }} as calls
        on calls.task_id = decisions.turn_id and calls.called_at > decisions.decided_at
    where calls.is_edit and calls.call_status = 'ok'
),

followed as (
    select
        decisions.*,
        undoings.decision_id is not null
        or coalesce(features.reaction_rule = 'undo_request', false) as was_undone,
        outcomes.success as task_success,
        outcomes.success_basis as task_basis
    from decisions
    left join undoings on undoings.decision_id = decisions.decision_id
    left join features on features.task_id = decisions.turn_id
    left join outcomes on outcomes.task_id = decisions.task_id
),

judged as (
    select
        *,
        {{ condition_cases('decision_rules', 'rule_name', "'task_open'") }} as outcome_basis
    from followed
)

select
    judged.decision_id,
    {{ surrogate_key(['judged.decision_kind', 'judged.context_hash']) }} as decision_point_id,
    coalesce(judged.agent_id, actors.agent_id) as agent_id,
    judged.task_id,
    judged.session_id,
    judged.tool_use_id as invocation_id,
    judged.put_at as asked_at,
    judged.decided_at,
    judged.decision_kind,
    judged.decided_by,
    judged.option_chosen,
    judged.alternatives as alternatives_considered,
    -- The text of the same response is a reason only for the agent's own decisions.
    left(coalesce(judged.rationale, {{ trim_space('responses.response_text') }}), 2000) as rationale,
    coalesce(judged.rationale_source, case when responses.response_text is not null then 'agent' end)
        as rationale_source,
    rules.outcome,
    judged.outcome_basis,
    case when judged.provenance = 'recorded' then 'recorded' else 'estimated' end as provenance,
    judged.was_retried as retried,
    judged.was_undone,
    judged.was_rejected,
    judged.is_free_text,
    rules.confidence as outcome_confidence,
    cast(judged.option_count as bigint) as option_count,
    cast(judged.chosen_number as bigint) as chosen_number,
    case
        when judged.decided_by = 'user' and judged.decision_kind <> 'model'
            then cast(judged.wait_ms as bigint)
    end as wait_ms,
    judged.source_path as _source_path,
    judged.source_line as _source_line,
    judged._batch_id
from judged
inner join {{ ref('decision_rules') }} as rules on rules.rule_name = judged.outcome_basis
left join {{ ref('int_actor') }} as actors
    on actors.session_id = judged.session_id and actors.actor = judged.actor
left join {{ ref('fact_response') }} as responses
    on responses.response_id = case when judged.decided_by = 'agent' then judged.response_id end
