with results as (
    select
        {{ test_case_id('sessions.project_path', 'results') }} as test_case_id,
        results.check_name,
        results.test_name,
        results.test_file,
        results.outcome,
        coalesce(sessions.project_path, 'unknown') as project_path,
        runs.ran_at
    from {{ ref('int_test_result') }} as results
    inner join {{ ref('int_check_run') }} as runs on runs.check_run_id = results.check_run_id
    inner join {{ ref('int_session') }} as sessions on sessions.session_id = results.session_id
),

cases as (
    select
        test_case_id,
        min(check_name) as framework,
        min(test_name) as test_name,
        min(test_file) as test_file,
        min(project_path) as project_path,
        min(ran_at) as first_seen_at,
        max(ran_at) as last_seen_at,
        count(*) filter (where outcome = 'failed') as failed_run_count,
        count(*) filter (where outcome = 'passed') as passed_run_count
    from results
    group by test_case_id
)

select
    cases.test_case_id,
    files.file_id,
    cases.first_seen_at,
    cases.last_seen_at,
    cases.framework,
    cases.test_name,
    cases.test_file,
    cases.project_path,
    'observed' as provenance,
    cast(cases.failed_run_count as bigint) as failed_run_count,
    cast(cases.passed_run_count as bigint) as passed_run_count
from cases
left join {{ ref('dim_file') }} as files
    on files.file_path = case
        when cases.test_file like '/%' then cases.test_file
        else cases.project_path || '/' || cases.test_file
    end
