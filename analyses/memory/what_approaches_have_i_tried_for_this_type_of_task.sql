-- What approaches have I tried for this type of task?
-- Use any type of task: implement, debug, refactor, test, review, research …
select t.task_description, d.option_chosen, d.outcome, d.rationale
from {{ ref('fact_decision') }} as d
inner join {{ ref('dim_task') }} as t on t.task_id = d.task_id
where t.task_type = 'refactor'
    and d.outcome = 'success'
order by d.decided_at desc
