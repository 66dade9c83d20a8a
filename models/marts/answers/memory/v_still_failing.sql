{{ config(materialized='table') }}

-- Last pass of each check in a project, on any target. Failures before it no longer count.
with passes as (
    select
        sessions.project_path,
        checks.measured_by,
        max(checks.measured_at) as passed_at
    from {{ ref('fact_quality_measurement') }} as checks
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = checks.session_id
    where checks.passed
    group by sessions.project_path, checks.measured_by
),

loops as (
    select
        sessions.project_path,
        loops.measured_by,
        loops.command_shape,
        loops.ended_at,
        loops.session_id,
        loops.failed_run_count,
        loops.edit_count,
        row_number() over (
            partition by sessions.project_path, loops.measured_by
            order by loops.ended_at desc nulls last, loops.measurement_id
        ) as recency
    from {{ ref('v_fix_loop') }} as loops
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = loops.session_id
    where not loops.is_fixed
),

failing as (
    select
        project_path,
        'test' as failure_type,
        test_name as target,
        last_failed_at,
        session_id,
        {{ quoted_line('last_failed_command', 120) }} as failure_text,
        failed_run_count as failure_count
    from {{ ref('v_failing_test') }}
    where is_failing
    union all
    select
        loops.project_path,
        'check',
        loops.command_shape,
        loops.ended_at,
        loops.session_id,
        cast(loops.edit_count as varchar) || case when loops.edit_count = 1 then ' edit' else ' edits' end
        || ' did not fix it',
        loops.failed_run_count
    from loops
    left join passes
        on passes.project_path = loops.project_path and passes.measured_by = loops.measured_by
    -- A single failed run without an edit is a probe.
    where
        loops.recency = 1 and loops.edit_count > 0 and loops.failed_run_count > 1
        and coalesce(passes.passed_at < loops.ended_at, true)
    union all
    select
        project_path,
        'call',
        tool_name || ' ' || target,
        last_failed_at,
        session_id,
        {{ quoted_line(regex_remove('left(last_error_text, 600)', '</?tool_use_error>'), 120) }}
        || coalesce(', this worked: ' || {{ quoted_line('worked_target', 100) }}, ''),
        failure_count
    from {{ ref('v_repeated_failure') }}
    -- Failures of checks are listed as check or test, which another run may have passed since.
    where not is_check
)

select
    project_path,
    failure_type,
    target,
    max(last_failed_at) as last_failed_at,
    max_by(session_id, (last_failed_at, session_id)) as session_id,
    max_by(failure_text, (last_failed_at, failure_text)) as failure_text,
    cast(sum(failure_count) as bigint) as failure_count
from failing
where project_path is not null and target is not null and last_failed_at is not null
group by project_path, failure_type, target
