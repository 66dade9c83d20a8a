with work as (
    select * from {{ ref('int_work') }}
),

newest as (
    select max(ended_at) as newest_at from {{ ref('dim_session') }}
),

-- A project's latest session, without an orderly end and not silent, may be at work; any other is over.
open_sessions as (
    select sessions.session_id
    from {{ ref('dim_session') }} as sessions
    cross join newest
    where
        sessions.is_latest_in_project and sessions.end_reason in ('unknown', 'interrupted', 'error')
        -- Seen from the newest line of the store. Of the delegations of the corpus that ended the longest
        -- took less than three hours, nine of ten under 14 minutes.
        and sessions.ended_at >= newest.newest_at - interval {{ var('open_work_hours', 24) }} hour
)

select
    {{ surrogate_key(['work.work_id', 'work.agent_id']) }} as assignment_id,
    work.work_id,
    work.agent_id,
    actors.agent_id as assigned_by_agent_id,
    runs.agent_run_id,
    work.session_id,
    work.assigned_at,
    case
        when work.accepted_at is not null and coalesce(work.outcome, '') <> 'rejected'
            then greatest(work.accepted_at, work.assigned_at)
    end as accepted_at,
    coalesce(
        work.ended_at,
        case when work.outcome is null and open_sessions.session_id is null then work.last_activity_at end
    ) as completed_at,
    coalesce(
        work.outcome,
        case
            when open_sessions.session_id is null then 'abandoned'
            when work.accepted_at is null then 'offered'
            else 'accepted'
        end
    ) as status,
    coalesce(work.outcome_reason, case when open_sessions.session_id is null then 'no_end_in_log' end)
        as reason,
    work.agent_name,
    work.teammate_name,
    work.requested_model,
    case
        when work.outcome is null and open_sessions.session_id is null then 'estimated'
        else 'observed'
    end as provenance,
    work.is_background,
    work.source_path as _source_path,
    work.source_line as _source_line,
    work._batch_id
from work
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = work.session_id and actors.actor = work.actor
left join {{ ref('int_actor') }} as runs on runs.session_id = work.session_id and runs.actor = work.run_actor
left join open_sessions on open_sessions.session_id = work.session_id
