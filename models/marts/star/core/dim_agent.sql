with actors as (
    select * from {{ ref('int_actor') }}
),

work as (
    select * from {{ ref('int_work') }}
),

sessions as (
    select session_id, request_shape_hash
    from {{ ref('int_session') }}
)

select
    actors.agent_id,
    min(actors.agent_name) as agent_name,
    min(actors.agent_type) as agent_type,
    min(actors.project_path) as project_path,
    max_by(sessions.request_shape_hash, (actors.started_at, actors.session_id)) filter (
        where actors.actor = 'main'
    ) as system_prompt_hash,
    min(actors.started_at) as created_at,
    max(actors.ended_at) as last_seen_at,
    'observed' as provenance,
    count(*) as run_count
from actors
inner join sessions on sessions.session_id = actors.session_id
group by actors.agent_id
union all
-- Agents that received work and left no lines of their own.
select
    work.agent_id,
    min(work.agent_name) as agent_name,
    min(work.agent_type) as agent_type,
    cast(null as varchar) as project_path,
    cast(null as varchar) as system_prompt_hash,
    min(work.assigned_at) as created_at,
    case when min(work.assigned_at) is not null then max(greatest(work.ended_at, work.assigned_at)) end
        as last_seen_at,
    'observed' as provenance,
    cast(0 as bigint) as run_count
from work
where work.agent_id not in (select agent_id from actors)
group by work.agent_id
union all
-- Agents that are known only from hooks and programs.
select
    recorded.agent_id,
    min(recorded.agent_name) as agent_name,
    min(recorded.agent_type) as agent_type,
    cast(null as varchar) as project_path,
    cast(null as varchar) as system_prompt_hash,
    min(recorded.first_named_at) as created_at,
    max(recorded.last_named_at) as last_seen_at,
    'recorded' as provenance,
    cast(0 as bigint) as run_count
from {{ ref('int_recorded_agent') }} as recorded
where
    recorded.agent_id not in (select agent_id from actors)
    and recorded.agent_id not in (select agent_id from work)
group by recorded.agent_id
