-- Where does my time go: does the agent work while I wait, or wait for me?
select
    project_name,
    count(*) as sessions,
    sum(agent_working_seconds) / 3600 as agent_worked_hours,
    sum(question_wait_seconds + plan_wait_seconds + human_wait_seconds) / 3600 as agent_waited_hours
from {{ ref('v_waiting_time') }}
group by project_name
order by agent_worked_hours desc
