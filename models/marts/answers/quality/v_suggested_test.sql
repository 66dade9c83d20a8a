{{ config(materialized='table') }}

with edited as (
    select
        artifacts.*,
        {{ path_in_checkout('artifacts.artifact_path', 'artifacts.project_path') }} as path_in_root
    from {{ ref('dim_artifact') }} as artifacts
    where
        artifacts.was_produced
        and artifacts.artifact_type in ('generated_code', 'test')
        and artifacts.project_path is not null
),

edits as (
    select
        edits.modification_id,
        edits.session_id,
        sessions.project_path,
        edits.modified_at,
        {{ path_in_checkout('edits.target_path', 'sessions.project_path') }} as path_in_root
    from {{ ref('fact_file_modification') }} as edits
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = edits.session_id
    where edits.modified_at is not null
),

-- The only test file that a run was aimed at; NULL for a run of several.
runs as (
    select
        runs.run_id,
        runs.session_id,
        sessions.project_path,
        runs.ran_at,
        runs.command,
        runs.working_dir,
        case
            when artifacts.artifact_type = 'test'
                then {{ path_in_checkout('artifacts.artifact_path', 'sessions.project_path') }}
        end as test_path
    from {{ ref('fact_test_run') }} as runs
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = runs.session_id
    inner join {{ ref('dim_artifact') }} as artifacts on artifacts.artifact_id = runs.artifact_id
    where runs.ran_at is not null
),

last_runs as (
    select
        project_path,
        max(ran_at) as last_test_run_at
    from runs
    group by project_path
),

-- The first run after an edit.
followed as (
    select
        edits.modification_id,
        min(edits.project_path) as project_path,
        min(edits.path_in_root) as path_in_root,
        min(edits.session_id) as session_id,
        min_by(coalesce(runs.test_path, ''), (runs.ran_at, runs.run_id)) as test_path
    from edits
    inner join runs on runs.session_id = edits.session_id and runs.ran_at > edits.modified_at
    group by edits.modification_id
),

-- Pairs of a code file and the one test file that was run after its edits, in more than one session: once may
-- be chance.
habits as (
    select
        project_path,
        path_in_root,
        test_path,
        count(distinct session_id) as session_count,
        row_number() over (
            partition by project_path, path_in_root
            order by count(distinct session_id) desc, count(*) desc, test_path
        ) as habit_rank
    from followed
    where test_path <> ''
    group by project_path, path_in_root, test_path
    having count(distinct session_id) >= {{ var('suggested_test_sessions', 2) }}
),

commands as (
    select
        project_path,
        test_path,
        command,
        max_by(working_dir, (ran_at, run_id)) as working_dir,
        row_number() over (
            partition by project_path, test_path order by count(*) desc, max(ran_at) desc, command
        ) as command_rank
    from runs
    where test_path is not null
    group by project_path, test_path, command
),

-- Tests of a file: those run after its edits, and its own tests if it is a test file.
tests_of_file as (
    select
        artifact_id,
        project_path,
        path_in_root as test_path
    from edited
    where artifact_type = 'test'
    union all
    select
        edited.artifact_id,
        habits.project_path,
        habits.test_path
    from edited
    inner join habits
        on habits.project_path = edited.project_path and habits.path_in_root = edited.path_in_root
    where edited.artifact_type <> 'test'
),

-- Tests that failed in their last known run.
failing_of_file as (
    select
        tests_of_file.artifact_id,
        max_by(failing.test_file, (failing.last_failed_at, failing.test_case_id)) as test_path,
        max_by(failing.last_failed_command, (failing.last_failed_at, failing.test_case_id)) as command,
        max_by(failing.run_id, (failing.last_failed_at, failing.test_case_id)) as run_id,
        max_by(failing.test_name, (failing.last_failed_at, failing.test_case_id)) as test_name,
        max(failing.last_failed_at) as last_failed_at,
        count(distinct failing.test_case_id) as failing_test_count
    from tests_of_file
    inner join {{ ref('v_failing_test') }} as failing
        on failing.project_path = tests_of_file.project_path and failing.test_file = tests_of_file.test_path
    where failing.is_failing
    group by tests_of_file.artifact_id
)

select
    edited.artifact_id,
    edited.file_id,
    edited.artifact_path,
    edited.artifact_type,
    edited.project_path,
    edited.last_modified_at,
    last_runs.last_test_run_at,
    coalesce(failing_of_file.test_path, habits.test_path) as suggested_test_path,
    case
        when failing_of_file.artifact_id is not null then 'failing_test'
        else 'ran_after_edits'
    end as suggestion_method,
    coalesce(failing_of_file.command, commands.command) as suggested_command,
    coalesce(failing_runs.working_dir, commands.working_dir) as working_dir,
    failing_of_file.test_name as failing_test_name,
    failing_of_file.last_failed_at,
    cast(coalesce(failing_of_file.failing_test_count, 0) as bigint) as failing_test_count,
    cast(coalesce(habits.session_count, 0) as bigint) as evidence_session_count,
    cast(edited.write_count + edited.edit_count as bigint) as change_count
from edited
left join last_runs on last_runs.project_path = edited.project_path
left join habits
    on habits.project_path = edited.project_path and habits.path_in_root = edited.path_in_root
    and case
        when edited.artifact_type = 'test' then habits.test_path = edited.path_in_root
        else habits.habit_rank = 1
    end
left join commands
    on commands.project_path = habits.project_path
    and commands.test_path = habits.test_path
    and commands.command_rank = 1
left join failing_of_file on failing_of_file.artifact_id = edited.artifact_id
left join runs as failing_runs on failing_runs.run_id = failing_of_file.run_id
where
    failing_of_file.artifact_id is not null
    or (habits.test_path is not null and coalesce(last_runs.last_test_run_at < edited.last_modified_at, true))
