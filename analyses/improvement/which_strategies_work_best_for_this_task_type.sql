-- Which strategies work best for this task type?
-- Use any type of task: implement, debug, refactor, test, review, research …
select
    sa.strategy_name,
    avg(cast(sa.success as integer)) as success_rate,
    avg(sa.duration_seconds) as avg_duration,
    count(*) as attempts
from {{ ref('fact_strategy_attempt') }} as sa
inner join {{ ref('dim_task') }} as t on t.task_id = sa.task_id
where t.task_type = 'refactor'
group by sa.strategy_name
having count(*) >= 3
order by success_rate desc, avg_duration asc
