-- What work is currently in progress?
select w.work_type, w.target_path, a.agent_name, wa.assigned_at
from {{ ref('fact_work_assignment') }} as wa
inner join {{ ref('dim_work_item') }} as w on w.work_id = wa.work_id
inner join {{ ref('dim_agent') }} as a on a.agent_id = wa.agent_id
where wa.status = 'accepted'
    and w.status = 'in_progress'
