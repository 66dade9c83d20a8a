{{ config(materialized='table') }}

with events as (
    select * from {{ ref('int_recorded_event') }}
),

agents as (
    select * from {{ ref('int_recorded_agent') }}
),

work as (
    select * from {{ ref('int_work') }}
),

told as (
    select
        events.event_id,
        events.event_kind,
        nullif(trim(events.payload.work_id), '') as work_id,
        events.session_id,
        events.agent_id,
        owners.agent_id as owner_agent_id,
        givers.agent_id as from_agent_id,
        takers.agent_id as to_agent_id,
        events.occurred_at,
        lower(events.payload.status) as status,
        coalesce(events.payload.is_granted, true) as is_granted,
        events.payload,
        events.source_path,
        events.source_line,
        events._batch_id
    from events
    left join agents as owners
        on owners.session_id is not distinct from events.given_session_id
        and owners.given_name = events.payload.owner
    left join agents as givers
        on givers.session_id is not distinct from events.given_session_id
        and givers.given_name = events.payload.from_agent_id
    left join agents as takers
        on takers.session_id is not distinct from events.given_session_id
        and takers.given_name = events.payload.to_agent_id
    where events.event_kind in ('work_item', 'claim', 'handoff')
),

-- Hooks record when a run began and ended. The run belongs to a delegation, or is the only trace of one whose
-- session's transcript is gone.
runs as (
    select
        events.event_id,
        coalesce(
            work.work_id,
            case
                when not sessions.has_main_transcript
                    then {{ surrogate_key(["'run'", 'events.session_id', 'events.client_agent_id']) }}
            end
        ) as work_id,
        events.session_id,
        coalesce(work.agent_id, events.agent_id) as agent_id,
        events.hook_event,
        events.occurred_at,
        events.source_path,
        events.source_line,
        events._batch_id
    from events
    inner join {{ ref('int_session') }} as sessions on sessions.session_id = events.session_id
    left join work
        on work.session_id = events.session_id
        and coalesce(work.run_actor, work.handed_to) = events.client_agent_id
        and work.work_source = 'delegation'
    where events.hook_event in ('SubagentStart', 'SubagentStop')
),

-- The agent that completes a list item has done it.
ticked as (
    select
        recordings.event_id,
        recordings.task_id as work_id,
        recordings.session_id,
        coalesce(work.agent_id, agents.agent_id) as agent_id,
        recordings.description,
        recordings.occurred_at,
        recordings.source_path,
        recordings.source_line,
        recordings._batch_id
    from {{ ref('int_task_recording') }} as recordings
    left join work
        on work.work_id = recordings.task_id and work.teammate_name = recordings.teammate_name
    left join agents
        on agents.session_id = recordings.session_id and agents.given_name = recordings.teammate_name
    where recordings.hook_event = 'TaskCompleted' and recordings.teammate_name is not null
),

-- An agent that hands work over without naming the previous holder takes it from the last one.
holders as (
    select
        handoffs.event_id,
        {{ value_at_max(
            'earlier.holder_agent_id', '(earlier.occurred_at, not earlier.is_offer, earlier.event_id)'
        ) }} as agent_id
    from told as handoffs
    inner join (
        select
            event_id,
            work_id,
            occurred_at,
            event_kind = 'work_item' as is_offer,
            case event_kind
                when 'claim' then agent_id
                when 'handoff' then to_agent_id
                else owner_agent_id
            end as holder_agent_id
        from told
        where is_granted and not (event_kind = 'claim' and coalesce(status, '') in ('released', 'completed'))
    ) as earlier
        on earlier.work_id = handoffs.work_id and earlier.occurred_at <= handoffs.occurred_at
        and earlier.event_id <> handoffs.event_id
    where
        handoffs.event_kind = 'handoff' and handoffs.from_agent_id is null
        and earlier.holder_agent_id is not null
    group by handoffs.event_id
),

handed as (
    select told.* replace (coalesce(told.from_agent_id, holders.agent_id) as from_agent_id)
    from told
    left join holders on holders.event_id = told.event_id
    where told.event_kind = 'handoff'
),

steps as (
    select
        event_id,
        work_id,
        session_id,
        cast(null as varchar) as agent_id,
        agent_id as by_agent_id,
        occurred_at,
        'listed' as step,
        status,
        nullif(trim(payload.description), '') as description,
        nullif(lower(trim(payload.work_type)), '') as work_type,
        nullif(payload.target_path, '') as target_path,
        nullif(trim(payload.required_capability), '') as required_capability,
        source_path,
        source_line,
        _batch_id
    from told
    where event_kind = 'work_item'
    union all by name
    -- An offer, unless the owner is recorded as working on it, or as done.
    select
        event_id,
        work_id,
        session_id,
        owner_agent_id as agent_id,
        agent_id as by_agent_id,
        occurred_at,
        case status
            when 'in_progress' then 'accepted'
            when 'completed' then 'completed'
            else 'offered'
        end as step,
        source_path,
        source_line,
        _batch_id
    from told
    where event_kind = 'work_item' and owner_agent_id is not null
    union all by name
    select
        event_id,
        work_id,
        session_id,
        agent_id,
        occurred_at,
        case
            when not is_granted then 'refused'
            when status in ('released', 'completed') then status
            else 'accepted'
        end as step,
        source_path,
        source_line,
        _batch_id
    from told
    where event_kind = 'claim'
    union all by name
    select
        event_id,
        work_id,
        session_id,
        to_agent_id as agent_id,
        from_agent_id as by_agent_id,
        occurred_at,
        'taken_over' as step,
        nullif(trim(payload.reason), '') as reason,
        payload.context as context_text,
        source_path,
        source_line,
        _batch_id
    from handed
    union all by name
    select
        event_id,
        work_id,
        session_id,
        from_agent_id as agent_id,
        occurred_at,
        'handed_on' as step,
        nullif(trim(payload.reason), '') as reason,
        source_path,
        source_line,
        _batch_id
    from handed
    where from_agent_id is not null and from_agent_id is distinct from to_agent_id
    union all by name
    select
        event_id,
        work_id,
        session_id,
        agent_id,
        occurred_at,
        case hook_event when 'SubagentStart' then 'started' else 'stopped' end as step,
        source_path,
        source_line,
        _batch_id
    from runs
    union all by name
    select
        event_id,
        work_id,
        session_id,
        agent_id,
        occurred_at,
        'completed' as step,
        description,
        source_path,
        source_line,
        _batch_id
    from ticked
)

select
    {{ surrogate_key(['steps.event_id', 'steps.step']) }} as recording_id,
    steps.event_id,
    steps.work_id,
    steps.session_id,
    steps.agent_id,
    steps.by_agent_id,
    steps.occurred_at,
    steps.step,
    steps.status,
    steps.reason,
    steps.description,
    steps.work_type,
    steps.target_path,
    steps.required_capability,
    steps.context_text,
    known.work_id is not null as is_in_transcript,
    steps.source_path,
    steps.source_line,
    steps._batch_id
from steps
left join (select distinct work_id from work) as known on known.work_id = steps.work_id
where steps.work_id is not null or steps.step = 'taken_over'
