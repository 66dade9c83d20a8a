with work as (
    select * from {{ ref('int_work') }}
),

recordings as (
    select * from {{ ref('int_work_recording') }}
    where work_id is not null and agent_id is not null
),

-- Recordings about an agent and a work item. The last one counts: a run that is resumed stops again.
recorded as (
    select
        work_id,
        agent_id,
        min_by(session_id, (occurred_at, event_id)) as session_id,
        min_by(by_agent_id, (occurred_at, event_id)) filter (where by_agent_id is not null) as by_agent_id,
        min(occurred_at) as assigned_at,
        min(occurred_at) filter (where step in ('accepted', 'taken_over', 'started')) as accepted_at,
        max(occurred_at) as last_recorded_at,
        {{ value_at_max(
            'step', "(step <> 'refused', occurred_at, step in ('completed', 'stopped'), event_id)"
        ) }} as last_step,
        {{ value_at_max(
            'reason', "(step <> 'refused', occurred_at, step in ('completed', 'stopped'), event_id)"
        ) }} as last_reason,
        min_by(source_path, (occurred_at, event_id)) as source_path,
        min_by(source_line, (occurred_at, event_id)) as source_line,
        max(_batch_id) as _batch_id
    from recordings
    group by work_id, agent_id
),

-- No recording says that a run is still going on. That is judged by its session.
told as (
    select
        *,
        case last_step
            when 'offered' then 'offered'
            when 'accepted' then 'accepted'
            when 'taken_over' then 'accepted'
            when 'refused' then 'rejected'
            when 'completed' then 'completed'
            when 'stopped' then 'completed'
            when 'released' then 'abandoned'
            when 'handed_on' then 'abandoned'
        end as status,
        case last_step
            when 'refused' then 'held_by_another'
            when 'completed' then 'completed_by_agent'
            when 'stopped' then 'run_end'
            when 'released' then 'released'
            when 'handed_on' then coalesce(last_reason, 'handed_on')
        end as reason
    from recorded
),

newest as (
    select max(ended_at) as newest_at from {{ ref('dim_session') }}
),

-- The latest session of a project may still be at work if it had no orderly end and is not silent. Any other
-- is over.
open_sessions as (
    select sessions.session_id
    from {{ ref('dim_session') }} as sessions
    cross join newest
    where
        sessions.is_latest_in_project and sessions.end_reason in ('unknown', 'interrupted', 'error')
        -- Relative to the newest line in the store. The longest completed delegation of the corpus took less
        -- than three hours, nine out of ten under 14 minutes.
        and sessions.ended_at >= newest.newest_at - interval {{ var('open_work_hours', 24) }} hour
),

in_transcripts as (
    select
        work.work_id,
        work.agent_id,
        actors.agent_id as assigned_by_agent_id,
        runs.agent_run_id,
        work.session_id,
        work.assigned_at,
        case
            when work.outcome = 'rejected' then null
            when told.accepted_at is not null or work.accepted_at is not null
                then greatest(coalesce(told.accepted_at, work.accepted_at), work.assigned_at)
        end as accepted_at,
        case
            when told.status in ('completed', 'abandoned') and coalesce(work.outcome, '') <> 'rejected'
                then told.last_recorded_at
            when work.ended_at is not null then work.ended_at
            when work.outcome is null and told.status is null and open_sessions.session_id is null
                then work.last_activity_at
        end as completed_at,
        case
            when work.outcome is not null then work.outcome
            when told.status is not null then told.status
            when open_sessions.session_id is null then 'abandoned'
            when work.accepted_at is null and told.accepted_at is null then 'offered'
            else 'accepted'
        end as status,
        case
            when work.outcome is not null then work.outcome_reason
            when told.status is not null then told.reason
            when open_sessions.session_id is null then 'no_end_in_log'
        end as reason,
        work.agent_name,
        work.teammate_name,
        work.requested_model,
        case
            when
                coalesce(work.outcome, '') <> 'rejected'
                and (told.status is not null or (told.accepted_at is not null and work.outcome is not null))
                then 'recorded'
            when work.outcome is null and open_sessions.session_id is null then 'estimated'
            else 'observed'
        end as provenance,
        work.is_background,
        work.source_path,
        work.source_line,
        greatest(work._batch_id, told._batch_id) as _batch_id
    from work
    inner join {{ ref('int_actor') }} as actors
        on actors.session_id = work.session_id and actors.actor = work.actor
    left join {{ ref('int_actor') }} as runs
        on runs.session_id = work.session_id and runs.actor = work.run_actor
    left join open_sessions on open_sessions.session_id = work.session_id
    left join told on told.work_id = work.work_id and told.agent_id = work.agent_id
),

only_recorded as (
    select
        told.work_id,
        told.agent_id,
        told.by_agent_id as assigned_by_agent_id,
        told.session_id,
        told.assigned_at,
        told.accepted_at,
        case
            when told.status in ('offered', 'accepted') then null
            when told.status is not null or open_sessions.session_id is null then told.last_recorded_at
        end as completed_at,
        coalesce(
            told.status, case when open_sessions.session_id is null then 'abandoned' else 'accepted' end
        ) as status,
        coalesce(
            told.reason,
            case when told.status is null and open_sessions.session_id is null then 'no_end_in_log' end
        ) as reason,
        agents.agent_name,
        'recorded' as provenance,
        true as is_background,
        told.source_path,
        told.source_line,
        told._batch_id
    from told
    left join (
        select agent_id, min(agent_name) as agent_name
        from {{ ref('int_recorded_agent') }}
        group by agent_id
    ) as agents on agents.agent_id = told.agent_id
    left join open_sessions on open_sessions.session_id = told.session_id
    anti join work on work.work_id = told.work_id and work.agent_id = told.agent_id
),

assignments as (
    select * from in_transcripts
    union all by name
    select * from only_recorded
)

select
    {{ surrogate_key(['work_id', 'agent_id']) }} as assignment_id,
    work_id,
    agent_id,
    assigned_by_agent_id,
    agent_run_id,
    session_id,
    assigned_at,
    accepted_at,
    completed_at,
    status,
    reason,
    agent_name,
    teammate_name,
    requested_model,
    provenance,
    is_background,
    source_path as _source_path,
    source_line as _source_line,
    _batch_id
from assignments
