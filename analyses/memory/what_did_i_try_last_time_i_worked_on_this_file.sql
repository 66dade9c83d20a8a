-- What did I try last time I worked on this file?
-- The inner query selects the most frequent file: replace it with one of your choice.
select action_type, tool_name, metadata, action_at
from {{ ref('fact_agent_action') }} as a
inner join {{ ref('dim_task') }} as t on t.task_id = a.task_id
where
    target_path = (
        select target_path
        from {{ ref('fact_agent_action') }}
        where target_path is not null
        group by target_path
        order by count(*) desc, target_path
        limit 1
    )
order by action_at desc
limit 10
