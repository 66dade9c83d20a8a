-- Does it save time when agents work in parallel?
select
    project_name,
    count(*) as sessions,
    sum(saved_seconds) / 3600 as saved_hours,
    sum(caller_waiting_seconds) / 3600 as waited_hours
from {{ ref('v_agent_overlap') }}
group by project_name
order by saved_hours desc
