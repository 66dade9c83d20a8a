select
    decisions.decision_id,
    decisions.decision_point_id,
    decisions.session_id,
    decisions.task_id,
    decisions.agent_id,
    decisions.decided_at,
    decisions.asked_at,
    sessions.project_name,
    sessions.project_path,
    agents.agent_name,
    points.decision_type,
    decisions.decision_kind,
    decisions.decided_by,
    points.context_text,
    decisions.option_chosen,
    decisions.alternatives_considered,
    decisions.rationale,
    decisions.rationale_source,
    decisions.outcome,
    decisions.outcome_basis,
    left(tasks.task_description, 300) as task_description,
    tasks.task_type,
    decisions.was_rejected,
    decisions.retried,
    decisions.is_free_text,
    decisions.outcome_confidence,
    points.decision_count,
    decisions.wait_ms
from {{ ref('fact_decision') }} as decisions
inner join {{ ref('dim_decision_point') }} as points on points.decision_point_id = decisions.decision_point_id
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = decisions.session_id
inner join {{ ref('dim_agent') }} as agents on agents.agent_id = decisions.agent_id
left join {{ ref('dim_task') }} as tasks on tasks.task_id = decisions.task_id
