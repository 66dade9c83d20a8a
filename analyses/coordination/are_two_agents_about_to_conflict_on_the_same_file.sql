-- Are two agents about to conflict on the same file?
select
    w1.work_id as work1, w2.work_id as work2,
    a1.agent_name as agent1, a2.agent_name as agent2,
    w1.target_path
from {{ ref('fact_work_assignment') }} as wa1
inner join {{ ref('fact_work_assignment') }} as wa2 on wa2.work_id != wa1.work_id
inner join {{ ref('dim_work_item') }} as w1 on w1.work_id = wa1.work_id
inner join {{ ref('dim_work_item') }} as w2 on w2.work_id = wa2.work_id
inner join {{ ref('dim_agent') }} as a1 on a1.agent_id = wa1.agent_id
inner join {{ ref('dim_agent') }} as a2 on a2.agent_id = wa2.agent_id
where w1.target_path = w2.target_path
    and w1.status = 'in_progress'
    and w2.status = 'in_progress'
    and wa1.status = 'accepted'
    and wa2.status = 'accepted'
