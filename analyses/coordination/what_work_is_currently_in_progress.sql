-- What work is currently in progress?
select w.work_type, w.target_path, a.agent_name, wa.assigned_at
from {{ ref('fact_work_assignment') }} wa
join {{ ref('dim_work_item') }} w on w.work_id = wa.work_id
join {{ ref('dim_agent') }} a on a.agent_id = wa.agent_id
where wa.status = 'accepted'
  and w.status = 'in_progress'
