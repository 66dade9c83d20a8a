{{ config(materialized='table') }}

with work as (
    select
        work_id as task_id,
        session_id,
        case when run_actor is not null then {{ surrogate_key(['session_id', 'run_actor']) }} end
            as agent_run_id,
        outcome_reason
    from {{ ref('int_work') }}
    where work_source = 'delegation'
),

recordings as (
    select * from {{ ref('int_task_recording') }}
    where task_id is not null
),

-- The latest recording by a program about a task counts.
outcomes as (
    select
        *,
        row_number() over (partition by task_id order by occurred_at desc, event_id) as outcome_rank
    from recordings
    where event_kind = 'task_outcome'
),

recorded_sessions as (
    select
        task_id,
        min(task_session_id) as session_id
    from recordings
    group by task_id
),

ticked as (
    select
        task_id,
        min(session_id) as session_id,
        max(occurred_at) as ticked_at
    from recordings
    where hook_event = 'TaskCompleted'
    group by task_id
),

-- Tests that ran for the task, or else the last ones of the session before it was done.
test_runs as (
    select
        recordings.task_id,
        recordings.occurred_at as ran_at,
        true as is_own,
        recordings.event_id as run_id,
        recordings.passed_count,
        recordings.failed_count,
        recordings.is_test_passed as is_passed
    from recordings
    where recordings.event_kind = 'test_run'
    union all
    select
        ticked.task_id,
        runs.ran_at,
        false,
        runs.check_run_id,
        runs.passed_count,
        runs.failed_count,
        runs.outcome = 'passed'
    from ticked
    inner join {{ ref('int_check_run') }} as runs
        on runs.session_id = ticked.session_id and runs.ran_at <= ticked.ticked_at
    where runs.check_kind = 'test' and runs.outcome in ('passed', 'failed')
),

last_runs as (
    select
        task_id,
        coalesce(
            passed_count / nullif(passed_count + failed_count, 0), case when is_passed then 1.0 else 0.0 end
        ) as test_pass_rate,
        row_number() over (partition by task_id order by is_own desc, ran_at desc, run_id) as run_rank
    from test_runs
),

tasks as (
    select task_id from work
    union
    select task_id from outcomes
    union
    select task_id from ticked
    union
    select task_id from last_runs
)

select
    tasks.task_id,
    coalesce(work.session_id, recorded_sessions.session_id) as session_id,
    work.agent_run_id,
    work.outcome_reason as delegation_end,
    outcomes.agent_id as recorded_agent_id,
    outcomes.occurred_at as recorded_at,
    ticked.ticked_at,
    outcomes.basis as recorded_basis,
    outcomes.error as recorded_error,
    outcomes.success as recorded_success,
    outcomes.task_id is not null as has_recorded_outcome,
    last_runs.test_pass_rate,
    outcomes.duration_ms,
    outcomes.source_path,
    outcomes.source_line
from tasks
left join work on work.task_id = tasks.task_id
left join recorded_sessions on recorded_sessions.task_id = tasks.task_id
left join outcomes on outcomes.task_id = tasks.task_id and outcomes.outcome_rank = 1
left join ticked on ticked.task_id = tasks.task_id
left join last_runs on last_runs.task_id = tasks.task_id and last_runs.run_rank = 1
