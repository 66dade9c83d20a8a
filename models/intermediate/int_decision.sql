{{ config(materialized='table') }}

-- Who approves a plan and clears the context breaks the turn off; a new session begins at once with the plan.
with handed_over as (
    select distinct plans.decision_id
    from {{ ref('int_session_decision') }} as plans
    inner join {{ ref('int_turn') }} as turns
        on abs({{ ms_between('plans.decided_at', 'turns.prompted_at') }}) <= 5000
        and turns.session_id <> plans.session_id
        and position(left(plans.context_text, 500) in turns.prompt_text) > 0
    where
        plans.decision_kind = 'plan' and plans.option_chosen = 'rejected' and plans.rationale is null
        -- Where the text of the plan is known.
        and plans.context_text <> 'plan'
)

select
    decisions.decision_id,
    decisions.session_id,
    decisions.actor,
    decisions.turn_id,
    decisions.response_id,
    decisions.tool_use_id,
    decisions.put_at,
    decisions.decided_at,
    decisions.decision_kind,
    decisions.decision_type,
    decisions.decided_by,
    decisions.context_text,
    decisions.context_hash,
    case when handed_over.decision_id is null then decisions.option_chosen else 'approved' end
        as option_chosen,
    case when handed_over.decision_id is null then decisions.alternatives else '["rejected"]' end
        as alternatives,
    decisions.rationale,
    decisions.rationale_source,
    decisions.was_rejected and handed_over.decision_id is null as was_rejected,
    decisions.was_retried,
    decisions.is_free_text,
    decisions.option_count,
    decisions.chosen_number,
    decisions.call_status,
    decisions.wait_ms,
    decisions.source_path,
    decisions.source_line,
    decisions._batch_id
from {{ ref('int_session_decision') }} as decisions
left join handed_over on handed_over.decision_id = decisions.decision_id
