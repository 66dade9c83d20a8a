{{ config(materialized='view') }}

select
    attempts.attempt_id,
    attempts.task_id,
    attempts.session_id,
    attempts.agent_id,
    attempts.attempted_at,
    sessions.project_name,
    sessions.project_path,
    agents.agent_name,
    attempts.work_type as task_type,
    attempts.strategy_name,
    attempts.failure_reason,
    attempts.success_basis,
    reasons.advice,
    left(tasks.task_description, 300) as task_description,
    adjustments.new_strategy as next_strategy,
    adjustments.new_success as next_success,
    attempts.outcome_confidence,
    attempts.duration_seconds,
    attempts.cost_usd,
    row_number() over (order by attempts.attempted_at desc nulls last, attempts.attempt_id) as recency,
    attempts._source_path,
    attempts._source_line
from {{ ref('fact_strategy_attempt') }} as attempts
-- A reason that came once is an accident.
inner join {{ ref('v_failure_reason') }} as reasons on reasons.failure_reason = attempts.failure_reason
inner join {{ ref('dim_task') }} as tasks on tasks.task_id = attempts.task_id
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = attempts.session_id
inner join {{ ref('dim_agent') }} as agents on agents.agent_id = attempts.agent_id
left join {{ ref('fact_strategy_adjustment') }} as adjustments on adjustments.old_attempt_id = attempts.attempt_id
where not attempts.success and tasks.task_description is not null
