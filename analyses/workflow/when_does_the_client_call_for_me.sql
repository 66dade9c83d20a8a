-- How often does the client wait for a person, and in which projects?
select
    sessions.project_name,
    notifications.notification_type,
    count(*) as notification_count,
    count(distinct notifications.session_id) as session_count
from {{ ref('fact_notification') }} as notifications
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = notifications.session_id
group by sessions.project_name, notifications.notification_type
order by notification_count desc, sessions.project_name
