with results as (
    select
        results.test_case_id,
        results.run_id,
        results.session_id,
        results.ran_at,
        results.outcome,
        runs.command
    from {{ ref('fact_test_case_result') }} as results
    inner join {{ ref('fact_test_run') }} as runs on runs.run_id = results.run_id
    where results.ran_at is not null
),

failures as (
    select
        test_case_id,
        min(ran_at) as first_failed_at,
        max(ran_at) as last_failed_at,
        max_by(run_id, (ran_at, run_id)) as last_failed_run_id,
        max_by(session_id, (ran_at, run_id)) as last_failed_session_id,
        max_by(command, (ran_at, run_id)) as last_failed_command,
        count(*) as failed_run_count,
        count(distinct session_id) as failed_session_count
    from results
    where outcome = 'failed'
    group by test_case_id
),

runs as (
    select
        runs.run_id,
        runs.ran_at,
        runs.framework,
        runs.outcome,
        runs.command,
        runs.command_shape,
        runs.total_tests,
        coalesce(sessions.project_path, 'unknown') as project_path,
        -- The same value in every checkout of the project.
        coalesce(
            '/'
            || rtrim({{ path_in_checkout("concat(runs.working_dir, '/')", 'sessions.project_path') }}, '/'),
            runs.working_dir, 'unknown'
        ) as folder
    from {{ ref('fact_test_run') }} as runs
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = runs.session_id
    where runs.ran_at is not null
),

-- The ways in which a test was run when it failed.
failed_ways as (
    select
        results.test_case_id,
        runs.project_path,
        runs.framework,
        runs.folder,
        runs.command_shape,
        runs.command,
        min(failures.first_failed_at) as first_failed_at,
        min(runs.total_tests) as total_tests
    from results
    inner join failures on failures.test_case_id = results.test_case_id
    inner join runs on runs.run_id = results.run_id
    where results.outcome = 'failed'
    group by
        results.test_case_id, runs.project_path, runs.framework, runs.folder, runs.command_shape, runs.command
),

-- The passing runs that cover each way. Many tests share few ways, so the tests are joined afterwards.
covered_ways as (
    select
        ways.project_path,
        ways.framework,
        ways.folder,
        ways.command_shape,
        ways.command,
        runs.run_id,
        runs.ran_at,
        runs.total_tests,
        runs.command_shape = ways.command_shape as is_same
    from (select distinct project_path, framework, folder, command_shape, command from failed_ways) as ways
    inner join runs
        on runs.project_path = ways.project_path
        and runs.framework = ways.framework
        and {{ covers_run('runs', 'ways', 'framework') }}
    where
        runs.outcome = 'passed'
        -- A command that selects single tests has the same shape as one that runs the whole file.
        and (runs.command = ways.command or not regexp_matches(runs.command, '::|:\d+\b|#\w'))
),

-- A run names few passing tests: a run that passed as a whole and covers a run with the failed test passed
-- it.
passes as (
    select
        test_case_id,
        run_id,
        ran_at
    from results
    where outcome = 'passed'
    union
    select
        failed_ways.test_case_id,
        covered_ways.run_id,
        covered_ways.ran_at
    from failed_ways
    inner join covered_ways
        on covered_ways.project_path = failed_ways.project_path
        and covered_ways.framework = failed_ways.framework
        and covered_ways.folder = failed_ways.folder
        and covered_ways.command_shape = failed_ways.command_shape
        and covered_ways.command = failed_ways.command
    where
        -- Before its first failure the test may not have existed.
        covered_ways.ran_at > failed_ways.first_failed_at
        -- Another script may run another suite.
        and (covered_ways.is_same or coalesce(covered_ways.total_tests >= failed_ways.total_tests, true))
),

last_passes as (
    select
        test_case_id,
        max(ran_at) as last_passed_at
    from passes
    group by test_case_id
),

-- How often it failed again after it had failed and passed.
events as (
    select
        events.test_case_id,
        events.outcome,
        lag(events.outcome) over (partition by events.test_case_id order by events.ran_at, events.run_id)
            as outcome_before
    from (
        select test_case_id, run_id, ran_at, 'failed' as outcome from results
        where outcome = 'failed'
        union all
        select test_case_id, run_id, ran_at, 'passed' as outcome from passes
    ) as events
    inner join failures
        on failures.test_case_id = events.test_case_id and failures.first_failed_at <= events.ran_at
),

relapses as (
    select
        test_case_id,
        count(*) filter (where outcome = 'failed' and outcome_before = 'passed') as relapse_count
    from events
    group by test_case_id
),

runs_since as (
    select
        failures.test_case_id,
        count(*) as run_count
    from failures
    inner join {{ ref('dim_test_case') }} as cases on cases.test_case_id = failures.test_case_id
    inner join runs
        on runs.project_path = cases.project_path
        and runs.framework = cases.framework
        and runs.ran_at > failures.last_failed_at
    group by failures.test_case_id
)

select
    cases.test_case_id,
    cases.file_id,
    failures.last_failed_run_id as run_id,
    failures.last_failed_session_id as session_id,
    failures.first_failed_at,
    failures.last_failed_at,
    last_passes.last_passed_at,
    cases.framework,
    cases.test_name,
    cases.test_file,
    cases.project_path,
    failures.last_failed_command,
    coalesce(failures.last_failed_at > last_passes.last_passed_at, true) as is_failing,
    cast(failures.failed_run_count as bigint) as failed_run_count,
    cast(failures.failed_session_count as bigint) as failed_session_count,
    cast(relapses.relapse_count as bigint) as relapse_count,
    cast(coalesce(runs_since.run_count, 0) as bigint) as run_count_since
from failures
inner join {{ ref('dim_test_case') }} as cases on cases.test_case_id = failures.test_case_id
inner join relapses on relapses.test_case_id = failures.test_case_id
left join last_passes on last_passes.test_case_id = failures.test_case_id
left join runs_since on runs_since.test_case_id = failures.test_case_id
