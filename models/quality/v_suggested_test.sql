{{ config(materialized='view') }}

{%- set family = "case when {x} in ('ts', 'tsx', 'mts', 'cts', 'js', 'jsx', 'mjs', 'cjs') then 'js' when {x} in ('ex', 'exs') then 'ex' else {x} end" -%}
{%- set extension_of = regex_group('{x}', '[.]([A-Za-z0-9]+)$') %}

with edited as (
    select
        artifacts.*,
        {{ regex_group('artifacts.artifact_name', '^(.+?)(?:[.](?:d|test|spec))?[.][A-Za-z0-9]+$') }} as stem,
        {{ family.replace('{x}', extension_of.replace('{x}', 'artifacts.artifact_name')) }} as language,
        {{ regex_group('artifacts.artifact_path', '^(.*)/[^/]+$') }} as folder_path,
        -- A worktree has its own copy of the tests.
        coalesce(nullif({{ regex_group('artifacts.artifact_path', '^(.*worktrees/[^/]+)/') }}, ''), artifacts.project_path) as root_path
    from {{ ref('dim_artifact') }} as artifacts
    where artifacts.was_produced and artifacts.artifact_type in ('generated_code', 'test')
),

test_runs as (
    select
        sessions.project_path,
        runs.run_id,
        runs.ran_at,
        runs.command,
        runs.outcome,
        runs.target is null
        and not regexp_matches(runs.command, '^(git|gt)\b|^(\S*/)?test[_-]\w|\s-(k|m|t|run|grep|-grep|-filter|-test-name-pattern|-only|-failed|-lf|-last-failed)\b') as is_suite
    from {{ ref('fact_test_run') }} as runs
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = runs.session_id
),

last_runs as (
    select
        project_path,
        max(ran_at) as ran_at,
        max_by(command, (ran_at, run_id)) filter (where ran_at is not null) as command
    from test_runs
    group by project_path
),

suites as (
    select
        project_path,
        command,
        row_number() over (partition by project_path order by count(*) desc, max(ran_at) desc nulls last, command) as command_rank
    from test_runs
    where is_suite and outcome = 'passed'
    group by project_path, command
),

untested as (
    select
        edited.*,
        last_runs.ran_at as last_test_run_at,
        last_runs.command as last_test_command,
        suites.command as suite_command
    from edited
    left join last_runs on last_runs.project_path = edited.project_path
    left join suites on suites.project_path = edited.project_path and suites.command_rank = 1
    where coalesce(last_runs.ran_at < edited.last_modified_at, true)
),

-- Every file that the store knows below a root of them, with the name of what it tests if it is called like a test.
known as (
    select
        roots.root_path,
        files.file_path,
        files.folder_path,
        files.file_name,
        {{ regex_group('files.file_name', '^(.+?)[.][A-Za-z0-9]+$') }} as stem,
        {{ family.replace('{x}', extension_of.replace('{x}', 'files.file_name')) }} as language,
        coalesce(
            nullif({{ regex_group('files.file_name', '^test_(.+)[.][A-Za-z0-9]+$') }}, ''),
            nullif({{ regex_group('files.file_name', '^(.+?)(?:[._-](?:test|spec)|Tests?)[.][A-Za-z0-9]+$') }}, '')
        ) as tested_stem
    from {{ ref('dim_file') }} as files
    inner join (select distinct root_path from untested) as roots on starts_with(files.file_path, roots.root_path || '/')
),

-- A test file that is named after the edited one; of several the one in a folder of the same name.
named_alike as (
    select
        untested.artifact_id,
        min_by(known.file_path, (
            {{ path_name('known.folder_path') }} <> {{ path_name('untested.folder_path') }}, known.file_path
        )) as test_path
    from untested
    inner join known
        on known.root_path = untested.root_path and known.tested_stem = untested.stem and known.language = untested.language
    where untested.artifact_type = 'generated_code' and known.file_path <> untested.artifact_path
    group by untested.artifact_id
),

-- Where the tests of its neighbours are and how they are called.
habits as (
    select
        untested.artifact_id,
        tests.folder_path || '/' || replace(tests.file_name, neighbours.stem, untested.stem) as test_path,
        row_number() over (
            partition by untested.artifact_id
            order by
                min({{ path_name('tests.folder_path') }} <> {{ path_name('untested.folder_path') }}), count(*) desc,
                tests.folder_path || '/' || replace(tests.file_name, neighbours.stem, untested.stem)
        ) as habit_rank
    from untested
    inner join known as neighbours
        on neighbours.root_path = untested.root_path and neighbours.folder_path = untested.folder_path
        and neighbours.language = untested.language
    inner join known as tests
        on tests.root_path = neighbours.root_path and tests.language = neighbours.language and tests.tested_stem = neighbours.stem
    where
        untested.artifact_type = 'generated_code' and neighbours.tested_stem is null
        and untested.stem not in ('__init__', '__main__', 'index', 'conftest', 'mod', 'main') and neighbours.file_path <> untested.artifact_path
    group by untested.artifact_id, tests.folder_path || '/' || replace(tests.file_name, neighbours.stem, untested.stem)
    -- One test of the same name in a folder of another name may be anybody's.
    having count(*) > 1 or not min({{ path_name('tests.folder_path') }} <> {{ path_name('untested.folder_path') }})
),

suggested as (
    select
        untested.*,
        named_alike.test_path as alike_path,
        habits.test_path as habit_path,
        -- Two languages prescribe the place and the name.
        case
            when untested.artifact_type <> 'generated_code' or untested.last_test_run_at is null then null
            when regexp_matches(untested.artifact_path, '/lib/.+[.]ex$') then
                {{ regex_group('untested.artifact_path', '^(.*?)/lib/') }} || '/test/'
                || {{ regex_group('untested.artifact_path', '/lib/(.+)[.]ex$') }} || '_test.exs'
            when untested.language = 'go' then untested.folder_path || '/' || untested.stem || '_test.go'
        end as language_path
    from untested
    left join named_alike on named_alike.artifact_id = untested.artifact_id
    left join habits on habits.artifact_id = untested.artifact_id and habits.habit_rank = 1
)

select
    artifact_id,
    file_id,
    artifact_path,
    artifact_type,
    project_path,
    last_modified_at,
    last_test_run_at,
    coalesce(alike_path, language_path, habit_path) as suggested_test_path,
    case
        when alike_path is not null then 'named_alike'
        when language_path is not null then 'language'
        when habit_path is not null then 'neighbours'
    end as suggestion_method,
    suite_command,
    last_test_command,
    cast(write_count + edit_count as bigint) as change_count
from suggested
where coalesce(alike_path, language_path, habit_path, suite_command) is not null
