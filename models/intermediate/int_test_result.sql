-- depends_on: {{ ref('check_rules') }}
{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['test_name']) }}

{#- Parts of a name that do not identify the test: line numbers, durations, lines drawn after it. -#}
{%- set noise = "'([.]\\w+)((?::\\d+){1,2})|\\s+[(\\[]\\d+(?:[.]\\d+)?\\s?m?s[)\\]]|[\\s─-]{3,}$|^[.]/'" -%}
{#- Some runners write the levels of a name on separate lines. -#}
{%- set nesting = "'\\s*\\n\\s*'" -%}

with touched as {{ touched_sessions() }},

runs as (
    select
        runs.check_run_id,
        runs.tool_use_id,
        runs.session_id,
        runs.check_name,
        runs.working_dir,
        runs.outcome as run_outcome,
        case when runs.target_file_count = 1 then runs.target_text end as target_file,
        {{ check_names('failed_name', 'runs.check_name', 'outputs.output_text') }} as failed_names,
        {{ check_names('passed_name', 'runs.check_name', 'outputs.output_text') }} as passed_names
    from {{ ref('int_check_run') }} as runs
    semi join touched on touched.session_id = runs.session_id
    inner join {{ ref('int_check_output') }} as outputs on outputs.tool_use_id = runs.tool_use_id
    where runs.check_kind = 'test'
),

named as (
    select
        check_run_id, session_id, check_name, working_dir, target_file, 'failed' as outcome, raw_name,
        name_number
    from {{ explode('runs', 'failed_names', 'raw_name', 'name_number') }} as failures
    where run_outcome = 'failed'
    union all
    select
        check_run_id, session_id, check_name, working_dir, target_file, 'passed' as outcome, raw_name,
        name_number
    from {{ explode('runs', 'passed_names', 'raw_name', 'name_number') }} as passes
),

-- A test name that begins with a file path gets the path relative to the project, not to the command's
-- folder.
plain as (
    select
        named.*,
        coalesce({{ path_in_checkout("concat(named.working_dir, '/')", 'sessions.project_path') }}, '')
            as folder_in_project,
        trim({{ regex_replace_all(regex_replace_all('named.raw_name', nesting, "' › '"), noise, "'\\1'") }})
            as shown_name
    from named
    inner join {{ ref('int_session') }} as sessions on sessions.session_id = named.session_id
),

placed as (
    select
        *,
        nullif({{ regex_group(
            'shown_name', '^([\\w./@+-]+[.](?:py|[cm]?[jt]sx?|rb|exs|php|go|dart|feature))(?:::| [>›#]|$)'
        ) }}, '') as named_file
    from plain
    where shown_name <> ''
),

tests as (
    select
        *,
        case
            when named_file is not null and named_file not like '/%' then folder_in_project || shown_name
            else shown_name
        end as test_name,
        case
            when coalesce(named_file, target_file) like '/%' then coalesce(named_file, target_file)
            else folder_in_project || coalesce(named_file, target_file)
        end as test_file
    from placed
)

select
    {{ surrogate_key(['tests.check_run_id', 'tests.test_name']) }} as test_result_id,
    tests.check_run_id,
    tests.session_id,
    tests.check_name,
    -- No name in the corpus is longer than half of this limit.
    left(tests.test_name, {{ var('test_name_characters_kept', 500) }}) as test_name,
    min(tests.test_file) as test_file,
    -- A test that failed and passed on a retry in the same run has failed.
    case when bool_or(tests.outcome = 'failed') then 'failed' else 'passed' end as outcome,
    cast(min(tests.name_number) as bigint) as first_position,
    touched._batch_id
from tests
inner join touched on touched.session_id = tests.session_id
group by tests.check_run_id, tests.session_id, tests.check_name, tests.test_name, touched._batch_id
