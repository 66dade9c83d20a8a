with attempts as (
    select
        attempts.*,
        sessions.project_path
    from {{ ref('fact_strategy_attempt') }} as attempts
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = attempts.session_id
    -- Without a known agent there is no known switch.
    where attempts.success is not null and attempts.agent_id is not null
),

ordered as (
    select
        *,
        lag(strategy_name) over work as old_strategy,
        lag(success) over work as old_success,
        lag(attempt_id) over work as old_attempt_id,
        lag(success_basis) over work as old_success_basis,
        lag(failure_reason) over work as old_failure_reason,
        lag(outcome_confidence) over work as old_outcome_confidence,
        lag(session_id) over work as old_session_id,
        lag(strategy_confidence) over work as old_strategy_confidence
    from attempts
    window work as (
        partition by project_path, agent_id, work_type order by attempted_at nulls last, attempt_id
    )
),

-- How often the agent had tried the old strategy when it gave it up.
counted as (
    select
        *,
        count(*) over (
            partition by project_path, agent_id, work_type, strategy_name
            order by attempted_at nulls last, attempt_id
            rows between unbounded preceding and current row
        ) as strategy_attempts
    from attempts
)

select
    {{ surrogate_key(['ordered.attempt_id', "'adjustment'"]) }} as adjustment_id,
    ordered.agent_id,
    ordered.task_id,
    ordered.session_id,
    ordered.old_attempt_id,
    ordered.attempt_id as new_attempt_id,
    ordered.attempted_at as adjusted_at,
    ordered.work_type,
    ordered.old_strategy,
    ordered.strategy_name as new_strategy,
    ordered.old_strategy || ' failed (' || coalesce(ordered.old_failure_reason, ordered.old_success_basis)
    || '); '
    || ordered.strategy_name || case when ordered.success then ' succeeded' else ' failed too' end as reason,
    ordered.old_failure_reason,
    'estimated' as provenance,
    ordered.session_id = ordered.old_session_id as is_same_session,
    ordered.success as new_success,
    -- Across sessions, the switch may be unrelated to the failure.
    round(
        ordered.old_outcome_confidence * ordered.old_strategy_confidence * ordered.strategy_confidence
        * case when ordered.session_id = ordered.old_session_id then 1 else 0.5 end, 3
    ) as confidence,
    cast(counted.strategy_attempts as bigint) as based_on_attempts,
    ordered._source_path,
    ordered._source_line,
    ordered._batch_id
from ordered
inner join counted on counted.attempt_id = ordered.old_attempt_id
where not ordered.old_success and ordered.old_strategy <> ordered.strategy_name
