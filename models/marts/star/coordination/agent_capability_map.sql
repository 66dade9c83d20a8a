with attempts as (
    -- A delegation counts for the agent that received it, even if that agent's own lines are not in the
    -- store.
    select
        coalesce(assignments.agent_id, outcomes.agent_id) as agent_id,
        {{ surrogate_key(["'task_type'", 'tasks.task_type']) }} as capability_id,
        outcomes.success,
        outcomes.completed_at as attempted_at
    from {{ ref('fact_task_outcome') }} as outcomes
    inner join {{ ref('dim_task') }} as tasks on tasks.task_id = outcomes.task_id
    left join {{ ref('fact_work_assignment') }} as assignments
        on assignments.work_id = outcomes.task_id and tasks.task_source = 'delegation'
    -- A task for which a program names no agent counts for nobody.
    where outcomes.success is not null and coalesce(assignments.agent_id, outcomes.agent_id) is not null
    union all
    select
        calls.agent_id,
        {{ surrogate_key(["'tool_family'", 'tools.tool_family']) }} as capability_id,
        calls.success,
        calls.invoked_at as attempted_at
    from {{ ref('fact_tool_invocation') }} as calls
    inner join {{ ref('dim_tool') }} as tools on tools.tool_id = calls.tool_id
    where calls.status in ('ok', 'error')
)

select
    agent_id,
    capability_id,
    -- Rule of succession: 0.5 without any attempt, and a single success is not certainty.
    (count(*) filter (where success) + 1) / (count(*) + 2) as proficiency,
    'estimated' as provenance,
    cast(count(*) as bigint) as attempt_count,
    cast(count(*) filter (where success) as bigint) as success_count,
    min(attempted_at) as first_attempt_at,
    max(attempted_at) as last_attempt_at
from attempts
group by agent_id, capability_id
