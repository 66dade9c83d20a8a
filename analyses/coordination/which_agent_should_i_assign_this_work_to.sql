-- Which agent should I assign this work to?
-- The inner query selects the most frequent capability: replace it with one of your choice.
select
    a.agent_name,
    acm.proficiency,
    count(distinct wa.work_id) as current_workload
from {{ ref('dim_agent') }} as a
inner join {{ ref('agent_capability_map') }} as acm on acm.agent_id = a.agent_id
inner join {{ ref('dim_agent_capability') }} as ac on ac.capability_id = acm.capability_id
left join {{ ref('fact_work_assignment') }} as wa
    on wa.agent_id = a.agent_id
    and wa.status = 'accepted'
where
    ac.capability_name = (
        select capability_name
        from {{ ref('agent_capability_map') }} as facts
        inner join {{ ref('dim_agent_capability') }} as names on names.capability_id = facts.capability_id
        group by capability_name
        order by count(*) desc, capability_name
        limit 1
    )
group by a.agent_name, acm.proficiency
order by acm.proficiency desc, current_workload asc
