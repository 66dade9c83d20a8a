{{ config(materialized='view') }}

with edited as (
    select
        *,
        {{ regex_group('artifact_name', '^(.+?)(?:[.](?:d|test|spec))?[.][A-Za-z0-9]+$') }} as stem,
        {{ regex_group('artifact_name', '[.]([A-Za-z0-9]+)$') }} as extension
    from {{ ref('dim_artifact') }}
    where was_produced and artifact_type in ('generated_code', 'test')
),

test_runs as (
    select
        sessions.project_path,
        runs.ran_at,
        runs.command,
        runs.outcome,
        row_number() over (partition by sessions.project_path order by runs.ran_at desc nulls last, runs.run_id) as run_rank
    from {{ ref('fact_test_run') }} as runs
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = runs.session_id
),

last_runs as (
    select * from test_runs
    where run_rank = 1
),

untested as (
    select
        edited.*,
        last_runs.ran_at as last_test_run_at,
        last_runs.command as last_test_command
    from edited
    left join last_runs on last_runs.project_path = edited.project_path
    where coalesce(last_runs.ran_at < edited.last_modified_at, true)
),

-- A test file that is named after the edited one, in the same project.
candidates as (
    select
        untested.artifact_id,
        min(files.file_path) as test_path,
        count(*) as test_file_count
    from untested
    inner join {{ ref('dim_file') }} as files
        on starts_with(files.file_path, untested.project_path || '/')
        and files.file_name in (
            'test_' || untested.stem || '.' || untested.extension, untested.stem || '_test.' || untested.extension,
            untested.stem || '.test.' || untested.extension, untested.stem || '.spec.' || untested.extension,
            untested.stem || '_spec.' || untested.extension, untested.stem || '_test.exs',
            untested.stem || 'Test.' || untested.extension, untested.stem || 'Tests.' || untested.extension
        )
    where untested.artifact_type = 'generated_code'
    group by untested.artifact_id
)

select
    untested.artifact_id,
    untested.file_id,
    untested.artifact_path,
    untested.artifact_type,
    untested.project_path,
    untested.last_modified_at,
    untested.last_test_run_at,
    case when untested.artifact_type = 'test' then untested.artifact_path else candidates.test_path end as suggested_test_path,
    untested.last_test_command,
    cast(untested.write_count + untested.edit_count as bigint) as change_count
from untested
left join candidates on candidates.artifact_id = untested.artifact_id
