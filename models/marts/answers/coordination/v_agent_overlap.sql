with runs as (
    select
        assignments.session_id,
        assignments.assignment_id,
        assignments.agent_name,
        assignments.is_background,
        assignments.accepted_at as started_at,
        assignments.completed_at as ended_at
    from {{ ref('fact_work_assignment') }} as assignments
    inner join {{ ref('dim_work_item') }} as work on work.work_id = assignments.work_id
    -- A list item is done by an agent whose run already counts.
    where assignments.completed_at >= assignments.accepted_at and work.work_source <> 'team_task'
),

-- The number of agents at work is constant between two neighbouring moments.
moments as (
    select
        session_id,
        started_at as moment,
        1 as change,
        case when is_background then 0 else 1 end as foreground_change
    from runs
    union all
    select session_id, ended_at, -1, case when is_background then 0 else -1 end from runs
),

changes as (
    select session_id, moment, sum(change) as change, sum(foreground_change) as foreground_change
    from moments
    group by session_id, moment
),

levels as (
    select
        session_id,
        moment,
        sum(change) over (partition by session_id order by moment) as agent_count,
        sum(foreground_change) over (partition by session_id order by moment) as foreground_count,
        {{ ms_between('moment', 'lead(moment) over (partition by session_id order by moment)') }} / 1000
            as seconds
    from changes
),

busy as (
    select
        session_id,
        max(agent_count) as most_at_once,
        sum(agent_count * seconds) as agent_seconds,
        sum(seconds) filter (where agent_count > 0) as busy_seconds,
        coalesce(sum(seconds) filter (where agent_count > 1), 0) as overlap_seconds,
        coalesce(sum(seconds) filter (where foreground_count > 0), 0) as caller_waiting_seconds
    from levels
    group by session_id
),

-- Runs that overlapped with another.
overlapping as (
    select
        runs.session_id,
        {{ distinct_texts('runs.agent_name') }} as agent_names,
        count(*) as overlapping_count
    from runs
    semi join runs as others
        on others.session_id = runs.session_id and others.assignment_id <> runs.assignment_id
        and others.started_at < runs.ended_at and others.ended_at > runs.started_at
    group by runs.session_id
),

counts as (
    select
        session_id,
        count(*) as assignment_count,
        count(*) filter (where is_background) as background_count
    from runs
    group by session_id
)

select
    busy.session_id,
    sessions.project_name,
    overlapping.agent_names,
    cast(counts.assignment_count as bigint) as assignment_count,
    cast(counts.background_count as bigint) as background_count,
    cast(overlapping.overlapping_count as bigint) as overlapping_count,
    cast(busy.most_at_once as bigint) as most_at_once,
    cast(busy.agent_seconds as double) as agent_seconds,
    cast(busy.busy_seconds as double) as busy_seconds,
    cast(busy.overlap_seconds as double) as overlap_seconds,
    cast(busy.caller_waiting_seconds as double) as caller_waiting_seconds,
    cast(busy.agent_seconds - busy.busy_seconds as double) as saved_seconds,
    busy.agent_seconds / nullif(busy.busy_seconds, 0) as parallelism
from busy
inner join overlapping on overlapping.session_id = busy.session_id
inner join counts on counts.session_id = busy.session_id
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = busy.session_id
where busy.most_at_once > 1
