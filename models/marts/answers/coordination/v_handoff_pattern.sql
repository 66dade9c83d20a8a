{{ config(materialized='view') }}

with handoffs as (
    select
        handoffs.*,
        assignments.accepted_at,
        assignments.completed_at,
        assignments.assigned_at,
        assignments.status as assignment_status
    from {{ ref('fact_agent_handoff') }} as handoffs
    left join {{ ref('fact_work_assignment') }} as assignments
        on assignments.work_id = handoffs.work_id and assignments.agent_id = handoffs.to_agent_id
        and handoffs.handoff_reason = 'delegation'
)

select
    handoffs.from_agent_id,
    handoffs.to_agent_id,
    froms.agent_name as from_agent_name,
    tos.agent_name as to_agent_name,
    handoffs.handoff_reason,
    cast(count(*) as bigint) as handoff_count,
    cast(count(distinct handoffs.session_id) as bigint) as session_count,
    count(*) filter (where handoffs.assignment_status = 'completed') / nullif(count(handoffs.assignment_status), 0) as completed_ratio,
    cast(median{{ ms_between('handoffs.assigned_at', 'handoffs.completed_at') }} / 1000 as double) as median_return_seconds,
    min(handoffs.handed_off_at) as first_handed_off_at,
    max(handoffs.handed_off_at) as last_handed_off_at
from handoffs
left join {{ ref('dim_agent') }} as froms on froms.agent_id = handoffs.from_agent_id
left join {{ ref('dim_agent') }} as tos on tos.agent_id = handoffs.to_agent_id
group by handoffs.from_agent_id, handoffs.to_agent_id, froms.agent_name, tos.agent_name, handoffs.handoff_reason
