{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['command_text']
) }}

{%- set target_file = "(?:\\s|=)((?:[\\w.@~+-]*/)*[\\w.@+-]+[.](?:pyi?|tsx?|jsx?|mjs|cjs|rb|go|rs|exs?|php"
    ~ "|java|kts?|cs|swift|dart|sh|bash|bats|mdx?|jsonc?|ya?ml|toml|cue|tf|sql|s?css|html|vue|svelte"
    ~ "|cc|cpp|cxx|cu|c|hpp|h|tex|proto|feature))\\b" -%}
{%- set target_folder = "\\s((?:[.]{1,2}/|/|~/)?[\\w.@+-]+(?:/[\\w.@+-]+)+/?)(?:\\s|$)" -%}

{#- Values of options that set how a check runs, not on what, do not make it a different command. -#}
{%- set run_options = "'\\s--(?:seed|tb|maxfail|max-failures|max-cases|max-warnings|timeout|test-timeout"
    ~ "|workers|max-workers|maxWorkers|jobs|parallel|shard|reporters?|format|output-format|formatter|colou?r"
    ~ "|log-level|verbosity|durations|retries|repeat-each|threshold|partitions|cov|cov-report"
    ~ "|cov-fail-under|dist)\\s+[^\\s-]\\S*|\\s-j\\s+\\d+'" -%}
{%- set pytest_options = "'\\s-[pnorW]\\s+[^\\s-]\\S*'" -%}
{#- A selection of tests is a part of a full run. -#}
{%- set pytest_choice = "'\\s-[mk](?:\\s+|=)(?:\"\"|(\\S+))'" -%}
{%- set test_choice = "'\\s--?(?:run|skip|t|g|f?grep|filter|test(?:Name|Path)Patterns?|test-name-pattern"
    ~ "|spec|tags?|only|include)=(\\S+)'" -%}
{%- set test_exclusion = "'\\s--(?:ignore(?:-glob)?|deselect|exclude|testPathIgnorePatterns)[ =](\\S+)'" -%}
{#- Variables that choose the tools of make, not its targets. -#}
{%- set tool_choice = "'\\s(?:PY|PYTHON\\d*|PIP|UV|VENV|NODE|NPM|PNPM|YARN|BUN|GO|CARGO|CC|CXX|SHELL|JOBS"
    ~ "|V|Q|VERBOSE|QUIET|DEBUG|CI|SEED)=\\S*'" -%}
{%- set without_options = regex_replace_all('bare_text', run_options, "''") -%}
{%- set without_run_options = regex_replace_all(without_options, tool_choice, "''") -%}
{%- set chosen_tests = regex_replace_all(
    regex_replace_all(without_run_options, test_choice, "' only:\\1'"), test_exclusion, "' not:\\1'"
) -%}

with touched as {{ touched_sessions() }},

-- Arguments of options with another meaning are left out.
aimed as (
    select
        checks.tool_use_id,
        checks.session_id,
        checks.check_name,
        checks.check_kind,
        checks.piece_text,
        checks.bare_text,
        checks.is_in_wrapper,
        checks.is_named and not checks.is_script as is_told_by_command,
        outputs.command_text,
        outputs.working_dir,
        outputs.spilled_path,
        {{ regex_replace_all('checks.bare_text', "'\\s(?:-c|-p|-o|--config|--project|--rootdir|--settings"
            ~ "|--output|--reporter|--tsconfig|--schema|--env-file)[= ]\\S+'", "''") }} as argument_text,
        coalesce(
            nullif({{ regex_group('outputs.command_text', '^\\s*cd\\s+"([^"]+)"') }}, ''),
            nullif({{ regex_group('outputs.command_text', "^\\s*cd\\s+''([^'']+)''") }}, ''),
            nullif({{ regex_group('outputs.command_text', '^\\s*cd\\s+([^\\s;&|"]+)') }}, '')
        ) as cd_path
    from {{ touched_rows(ref('int_found_check')) }} as checks
    inner join {{ touched_rows(ref('int_check_output')) }} as outputs
        on outputs.tool_use_id = checks.tool_use_id
),

targeted as (
    select
        *,
        -- The argument of a wrapper is a script, not the checked file.
        case
            when is_in_wrapper then 0
            else coalesce(cast({{ regex_count('argument_text', "'" ~ target_file ~ "'") }} as bigint), 0)
        end as target_file_count,
        case
            when not is_in_wrapper
                then coalesce(
                    -- Validators name the schema before the file.
                    case
                        when check_kind = 'validation'
                            then nullif({{ regex_group('argument_text', '^.*' ~ target_file) }}, '')
                    end,
                    nullif({{ regex_group('argument_text', target_file) }}, ''),
                    -- Go's `./...` means everything below.
                    nullif(nullif({{ regex_group('argument_text', target_folder) }}, ''), './...')
                )
        end as target_text,
        case
            when cd_path like '/%' or regexp_matches(cd_path, '^[A-Za-z]:')
                then {{ path_identity('cd_path') }}
            when
                regexp_matches(cd_path, '^[A-Za-z0-9_.][^~$]*$') and cd_path not like '..%' and cd_path <> '.'
                then {{ path_identity("working_dir || '/' || cd_path") }}
            else working_dir
        end as run_dir
    from aimed
),

placed as (
    select
        *,
        case
            when check_kind <> 'test' then {{ without_run_options }}
            when check_name = 'pytest'
                then {{ regex_replace_all(
                    regex_replace_all(chosen_tests, pytest_options, "''"), pytest_choice, "' only:\\1'"
                ) }}
            else {{ chosen_tests }}
        end as shape_text,
        case
            when regexp_matches(target_text, '^(/|~/|[A-Za-z]:)')
                then {{ path_identity("rtrim(target_text, '/')") }}
            when target_text like '..%' then null
            else {{ path_identity(
                "run_dir || '/' || rtrim(" ~ regex_replace_all('target_text', "'^[.]/'", "''") ~ ", '/')"
            ) }}
        end as target_path
    from targeted
)

select
    placed.tool_use_id,
    placed.session_id,
    placed.check_name,
    -- Without the brackets of a group that begins or ends elsewhere on the line.
    left(trim(case
        when not contains(placed.piece_text, '(')
            then {{ regex_replace_all('placed.piece_text', "'[\\s)]+$'", "''") }}
        when not contains(placed.piece_text, ')')
            then {{ regex_replace_all('placed.piece_text', "'^[\\s(]+'", "''") }}
        else placed.piece_text
    end), 1000) as command_text,
    case when placed.is_told_by_command then '' else placed.check_name || ': ' end
    || left(trim({{ regex_replace_all(regex_replace_all(
        'placed.shape_text', "'::\\S+|:\\d+\\b|\\s-{1,2}[^\\s=]+(=\\S*)?|\\s\"\"|[()]'", "''"
    ), "'\\s+'", "' '") }}), 300) as command_shape,
    placed.run_dir as working_dir,
    placed.target_text,
    placed.target_path,
    coalesce(
        placed.spilled_path,
        nullif({{ regex_group(
            'placed.command_text',
            '(?:>|\\btee\\s(?:-a\\s)?)\\s*([\\w./~@+-]+[.](?:log|txt|out|xml|json))\\b'
        ) }}, '')
    ) as log_path,
    nullif({{ regex_group('placed.piece_text', '@v?([0-9]+(?:[.][0-9]+)+)') }}, '') as version_text,
    placed.target_file_count,
    touched._batch_id
from placed
inner join touched on touched.session_id = placed.session_id
