{{ config(materialized='table') }}

with events as (
    select * from {{ ref('int_recorded_event') }}
    where event_kind in ('validation', 'test_run', 'quality_measurement')
),

components as (
    select * from {{ ref('int_recorded_component') }}
),

check_runs as (
    select * from {{ ref('int_check_run') }}
),

described as (
    select
        events.*,
        components.component_type,
        components.component_name,
        coalesce(recordings.task_id, events.turn_task_id) as task_id,
        case
            when events.event_kind = 'test_run'
                then coalesce(nullif(trim(events.payload.framework), ''), 'unknown')
            when events.event_kind = 'validation'
                then coalesce(nullif(trim(events.payload.validator), ''), 'unknown')
            else coalesce(nullif(trim(events.payload.metric_name), ''), 'unknown')
        end as check_name,
        nullif(coalesce(events.payload.artifact_path, events.payload.file_path), '') as file_path,
        try_cast(events.payload.passed as boolean) as is_passed,
        try_cast(events.payload.passed as bigint) as passed_count,
        coalesce(len(events.payload.errors), 0) as error_count,
        coalesce(len(events.payload.warnings), 0) as warning_count
    from events
    left join components on components.event_id = events.event_id
    left join {{ ref('int_task_recording') }} as recordings on recordings.event_id = events.event_id
),

-- A recording about a call that ran a check describes that check run; if the call ran several, first the one
-- of its name.
pairs as (
    select
        described.event_id,
        check_runs.check_run_id,
        row_number() over (
            partition by described.event_id
            order by check_runs.check_name <> lower(described.check_name), check_runs.check_run_id
        ) as run_rank
    from described
    inner join check_runs
        on check_runs.tool_use_id = described.invocation_id
        and (check_runs.check_kind = 'test') = (described.event_kind = 'test_run')
    where described.event_kind <> 'quality_measurement'
),

-- If several recordings describe one run, the latest counts.
paired as (
    select
        pairs.event_id,
        pairs.check_run_id,
        row_number() over (
            partition by pairs.check_run_id order by described.occurred_at desc, described.event_id
        ) as word_rank
    from pairs
    inner join described on described.event_id = pairs.event_id
    where pairs.run_rank = 1
),

checks as (
    select
        described.*,
        described.event_id as check_id,
        paired.check_run_id,
        false as is_before,
        described.occurred_at as checked_at,
        described.payload.content_hash as content_hash,
        described.payload.errors as error_list,
        described.payload.warnings as warning_list,
        described.is_passed as was_passed
    from described
    left join paired on paired.event_id = described.event_id
    where coalesce(paired.word_rank, 1) = 1
    union all
    -- The state before a tool wrote: a moment earlier, so that it precedes the result.
    select
        described.* replace (
            coalesce(len(described.payload.previous_errors), 0) as error_count, 0 as warning_count
        ),
        {{ surrogate_key(['described.event_id', "'before'"]) }} as check_id,
        null as check_run_id,
        true as is_before,
        {{ ms_before('described.occurred_at', '1') }} as checked_at,
        described.payload.previous_hash,
        described.payload.previous_errors,
        null,
        described.payload.previous_passed
    from described
    where
        described.event_kind = 'validation' and described.payload.previous_hash is not null
        and described.payload.previous_passed is not null
),

-- The previous state was usually validated when it was written.
ranked as (
    select
        *,
        row_number() over (
            partition by component_type, component_name, check_name, content_hash
            order by is_before, checked_at, check_id
        ) as sight_number
    from checks
),

counted as (
    select
        *,
        coalesce(
            passed_count, payload.total - payload.failed - coalesce(payload.skipped, 0)
        ) as passed_tests,
        coalesce(payload.failed, payload.total - passed_count - coalesce(payload.skipped, 0)) as failed_tests
    from ranked
    where not is_before or sight_number = 1
)

select
    check_id,
    event_id,
    check_run_id,
    event_kind,
    session_id,
    agent_id,
    agent_run_id,
    turn_id,
    task_id,
    invocation_id,
    checked_at,
    case
        when event_kind = 'test_run' then 'test'
        when event_kind = 'quality_measurement' then 'recorded'
        when component_type in ('skill', 'agent', 'command') then 'skill_spec'
        else 'validation'
    end as check_kind,
    check_name,
    component_type,
    component_name,
    content_hash,
    file_path,
    -- A file, or else a component by its name, or else the project, or else the folder.
    coalesce(file_path, component_name, project_path, nullif(working_dir, ''), 'unknown') as artifact_path,
    file_path is null and component_name is null as is_of_project,
    case when event_kind = 'test_run' then nullif(trim(payload.command), '') end as command_text,
    coalesce(nullif(working_dir, ''), case when event_kind = 'test_run' then project_path end) as working_dir,
    case
        when coalesce(failed_tests, 0) > 0 or coalesce(payload.exit_code, 0) <> 0 then 'failed'
        when coalesce(payload.timed_out, false) then 'failed'
        when event_kind = 'test_run' and (passed_tests is not null or payload.exit_code = 0) then 'passed'
        when event_kind = 'test_run' then 'unknown'
        when event_kind = 'validation' and error_count > 0 then 'failed'
        when was_passed then 'passed'
        when not was_passed then 'failed'
        else 'unknown'
    end as outcome,
    coalesce(error_list, []) as error_list,
    coalesce(warning_list, []) as warning_list,
    payload.unit as unit,
    cast(payload.details as varchar) as details,
    is_before,
    coalesce(payload.previous_hash is not null or payload.tool_use_id is not null, false) as is_after_update,
    coalesce(payload.timed_out, false) as is_timed_out,
    error_count,
    warning_count,
    payload.score as score,
    case
        when passed_tests >= 0 and failed_tests >= 0
            then greatest(payload.total, passed_tests + failed_tests + coalesce(payload.skipped, 0))
    end as total_count,
    case when passed_tests >= 0 and failed_tests >= 0 then passed_tests end as passed_count,
    case when passed_tests >= 0 and failed_tests >= 0 then failed_tests end as failed_count,
    case when passed_tests >= 0 and failed_tests >= 0 then coalesce(payload.skipped, 0) end as skipped_count,
    payload.exit_code as exit_code,
    duration_ms,
    source_path,
    source_line,
    _batch_id
from counted
