-- Which agent is best at this task type?
-- Use any type of task: implement, debug, refactor, test, review, research …
select
    a.agent_name,
    avg(cast(o.success as integer)) as success_rate,
    avg(o.test_pass_rate) as avg_test_pass,
    count(*) as tasks_completed
from {{ ref('fact_task_outcome') }} as o
inner join {{ ref('dim_agent') }} as a on a.agent_id = o.agent_id
inner join {{ ref('dim_task') }} as t on t.task_id = o.task_id
where t.task_type = 'debug'
group by a.agent_name
order by success_rate desc
