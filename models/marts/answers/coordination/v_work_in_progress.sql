{{ config(materialized='view') }}

with newest as (
    select max(ended_at) as newest_at from {{ ref('dim_session') }}
),

open_work as (
    select
        assignments.*,
        work.work_type,
        work.target_path,
        work.description
    from {{ ref('fact_work_assignment') }} as assignments
    inner join {{ ref('dim_work_item') }} as work on work.work_id = assignments.work_id
    where assignments.status in ('offered', 'accepted')
),

crowds as (
    select target_path, count(distinct agent_id || work_id) as party_count
    from open_work
    where target_path is not null
    group by target_path
)

select
    open_work.assignment_id,
    open_work.work_id,
    open_work.session_id,
    sessions.project_name,
    agents.agent_name,
    open_work.status,
    open_work.work_type,
    open_work.target_path,
    left(open_work.description, 200) as description,
    open_work.assigned_at,
    open_work.accepted_at,
    {{ ms_between('open_work.assigned_at', 'newest.newest_at') }} / 1000 as open_seconds,
    coalesce(crowds.party_count, 1) > 1 as is_shared_target
from open_work
cross join newest
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = open_work.session_id
inner join {{ ref('dim_agent') }} as agents on agents.agent_id = open_work.agent_id
left join crowds on crowds.target_path = open_work.target_path
