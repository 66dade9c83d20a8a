-- depends_on: {{ ref('check_rules') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns',
    zstd_columns=['test_name']
) }}

{#- What stands in a name and says nothing about the test: line numbers, durations, rules drawn behind it. -#}
{%- set noise = "'([.]\\w+)((?::\\d+){1,2})|\\s+[(\\[]\\d+(?:[.]\\d+)?\\s?m?s[)\\]]|[\\s─-]{3,}$|^[.]/'" -%}

with touched as {{ touched_sessions() }},

runs as (
    select
        runs.check_run_id,
        runs.tool_use_id,
        runs.session_id,
        runs.check_name,
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
    select check_run_id, session_id, check_name, target_file, 'failed' as outcome, raw_name, name_number
    from {{ explode('runs', 'failed_names', 'raw_name', 'name_number') }} as failures
    where run_outcome = 'failed'
    union all
    select check_run_id, session_id, check_name, target_file, 'passed' as outcome, raw_name, name_number
    from {{ explode('runs', 'passed_names', 'raw_name', 'name_number') }} as passes
),

plain as (
    select
        *,
        trim({{ regex_replace_all('raw_name', noise, "'\\1'") }}) as test_name
    from named
)

select
    {{ surrogate_key(['plain.check_run_id', 'plain.test_name']) }} as test_result_id,
    plain.check_run_id,
    plain.session_id,
    plain.check_name,
    left(plain.test_name, {{ var('test_name_characters_kept') }}) as test_name,
    coalesce(
        nullif({{ regex_group('min(plain.test_name)', '^([\\w./@+-]+[.](?:py|[cm]?[jt]sx?|rb|exs|php|go|dart|feature))(?:::| [>›#]|$)') }}, ''),
        min(plain.target_file)
    ) as test_file,
    -- A test that failed and, tried again, passed in the same run has failed.
    case when bool_or(plain.outcome = 'failed') then 'failed' else 'passed' end as outcome,
    cast(min(plain.name_number) as bigint) as first_position,
    touched._batch_id
from plain
inner join touched on touched.session_id = plain.session_id
where plain.test_name <> ''
group by plain.check_run_id, plain.session_id, plain.check_name, plain.test_name, touched._batch_id
