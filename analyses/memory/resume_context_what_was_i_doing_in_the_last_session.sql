-- Resume context: what was I doing in the last session?
select a.action_type, a.tool_name, a.target_path, a.metadata, a.action_at
from {{ ref('fact_agent_action') }} as a
inner join {{ ref('dim_task') }} as t on t.task_id = a.task_id
where t.status = 'in_progress'
    and a.session_id = (
        select session_id from {{ ref('fact_agent_action') }}
        order by action_at desc limit 1
    )
order by a.action_at desc
limit 20
