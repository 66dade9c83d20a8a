-- depends_on: {{ ref('check_rules') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns',
    zstd_columns=['output_excerpt', 'command_text']
) }}

{%- set target_file = "(?:\\s|=)((?:[\\w.@~+-]*/)*[\\w.@+-]+[.](?:pyi?|tsx?|jsx?|mjs|cjs|rb|go|rs|exs?|php|java|kts?|cs|swift|dart"
    ~ "|sh|bash|bats|mdx?|jsonc?|ya?ml|toml|cue|tf|sql|s?css|html|vue|svelte|cc|cpp|cxx|cu|c|hpp|h|tex|proto|feature))\\b" -%}
{%- set target_folder = "\\s((?:[.]{1,2}/|/|~/)?[\\w.@+-]+(?:/[\\w.@+-]+)+/?)(?:\\s|$)" -%}


{#- Values of options that say how a check runs, not on what, make no other command of it. -#}
{%- set run_options = "'\\s--(?:seed|tb|maxfail|max-failures|max-cases|max-warnings|timeout|test-timeout|workers"
    ~ "|max-workers|maxWorkers|jobs|parallel|shard|reporters?|format|output-format|formatter|colou?r|log-level|verbosity|durations"
    ~ "|retries|repeat-each|threshold|partitions|cov|cov-report|cov-fail-under|dist)\\s+[^\\s-]\\S*|\\s-j\\s+\\d+'" -%}
{%- set pytest_options = "'\\s-[pnorW]\\s+[^\\s-]\\S*'" -%}
{#- A choice of tests is a part of what was run. -#}
{%- set pytest_choice = "'\\s-[mk](?:\\s+|=)(?:\"\"|(\\S+))'" -%}
{%- set test_choice = "'\\s--?(?:run|skip|t|g|f?grep|filter|test(?:Name|Path)Patterns?|test-name-pattern|spec|tags?|only|include)=(\\S+)'" -%}
{%- set test_exclusion = "'\\s--(?:ignore(?:-glob)?|deselect|exclude|testPathIgnorePatterns)[ =](\\S+)'" -%}
{#- Variables that say which tools make uses, not what it makes. -#}
{%- set tool_choice = "'\\s(?:PY|PYTHON\\d*|PIP|UV|VENV|NODE|NPM|PNPM|YARN|BUN|GO|CARGO|CC|CXX|SHELL|JOBS|V|Q|VERBOSE|QUIET|DEBUG|CI|SEED)=\\S*'" -%}
{%- set without_run_options = regex_replace_all(regex_replace_all('bare_text', run_options, "''"), tool_choice, "''") -%}
{%- set chosen_tests = regex_replace_all(regex_replace_all(without_run_options, test_choice, "' only:\\1'"), test_exclusion, "' not:\\1'") -%}
{%- set filters = "'^(tail|head|grep|egrep|rg|sed|awk|cut|wc|sort|less|jq)\\b'" -%}

with touched as {{ touched_sessions() }},

commands as (
    select
        commands.* exclude (command_text, session_id, _batch_id),
        commands.command_text as piece_text
    from {{ ref('int_shell_command') }} as commands
    semi join touched on touched.session_id = commands.session_id
    where commands.check_rule_order is not null
),

named as (
    select
        ruled.* exclude (operator_after, next_text, is_told_at_most, check_rule_order),
        -- Of several runs of one check in a line the last one's fate is the line's.
        last_value(ruled.is_told_at_most) over all_runs as is_told_at_most,
        last_value(ruled.command_number) over all_runs as last_command_number,
        last_value(ruled.operator_after) over all_runs as operator_after,
        last_value(ruled.next_text) over all_runs as next_text,
        rules.check_name,
        rules.check_kind,
        rules.rule_name,
        rules.confidence,
        rules.check_kind = 'any' or rules.check_name like '%\_script' escape '\' or rules.check_name in ('pre_commit', 'js_bundle', 'maven', 'gradle')
            as is_wrapper,
        row_number() over (partition by tool_use_id, rules.check_name order by command_number) as run_rank,
        count(*) over (partition by tool_use_id, rules.check_name) as command_count
    from commands as ruled
    inner join {{ ref('check_rules') }} as rules on rules.rule_order = ruled.check_rule_order
    window all_runs as (
        partition by ruled.tool_use_id, rules.check_name order by ruled.command_number
        rows between unbounded preceding and unbounded following
    )
),

windows as (
    select outputs.* exclude (_batch_id)
    from {{ ref('int_check_output') }} as outputs
    semi join touched on touched.session_id = outputs.session_id
),

-- Checks that only the output shows, of commands that may run anything.
read_texts as (
    select
        tool_use_id,
        {{ check_output_rules('output_text') }} as hit_rules
    from windows
    where tool_use_id in (select tool_use_id from named where is_wrapper)
),

shown as (
    select
        hits.tool_use_id,
        rules.check_name,
        min(rules.check_kind) as check_kind,
        min_by(rules.rule_name, rules.rule_order) as rule_name,
        max(rules.confidence) as confidence
    from {{ explode('read_texts', 'hit_rules', 'rule_order', 'hit_number') }} as hits
    inner join {{ ref('check_rules') }} as rules on rules.rule_order = hits.rule_order
    group by hits.tool_use_id, rules.check_name
),

-- The command behind what an output shows: a script of its kind, else one that may run anything, else the first.
shown_runs as (
    select *
    from (
        select
            named.* exclude (check_name, check_kind, rule_name, confidence, is_wrapper, run_rank, command_count),
            shown.check_name,
            shown.check_kind,
            shown.rule_name,
            shown.confidence,
            named.check_kind as wrapper_kind,
            row_number() over (
                partition by shown.tool_use_id, shown.check_name
                order by named.check_kind = shown.check_kind desc, named.check_kind = 'any' desc, named.command_number
            ) as wrapper_rank
        from shown
        inner join named on named.tool_use_id = shown.tool_use_id
        where named.is_wrapper
    )
    where wrapper_rank = 1
),

found as (
    select
        coalesce(named.tool_use_id, shown.tool_use_id) as tool_use_id,
        coalesce(named.check_name, shown.check_name) as check_name,
        coalesce(named.check_kind, shown.check_kind) as check_kind,
        coalesce(named.rule_name, shown.rule_name) as recognised_by,
        coalesce(named.confidence, shown.confidence) as rule_confidence,
        named.tool_use_id is not null as is_named,
        shown.tool_use_id is not null as is_shown,
        coalesce(named.check_name, shown.check_name) like '%\_script' escape '\' as is_script,
        coalesce(named.command_number, shown.command_number) as command_number,
        coalesce(named.piece_text, shown.piece_text) as piece_text,
        coalesce(named.bare_text, shown.bare_text) as bare_text,
        named.tool_use_id is null and shown.wrapper_kind = 'any' as is_in_wrapper,
        named.tool_use_id is null and shown.wrapper_kind = shown.check_kind as is_in_own_script,
        coalesce(named.operator_before, shown.operator_before) as operator_before,
        coalesce(named.operator_after, shown.operator_after) as operator_after,
        coalesce(named.next_text, shown.next_text) as next_text,
        coalesce(named.has_loose_end, shown.has_loose_end) as has_loose_end,
        coalesce(named.is_told_at_most and named.last_command_number - named.command_number + 1 = named.command_count, false) as is_told_at_most,
        coalesce(named.command_count, 1) as command_count
    from (select * from named where run_rank = 1 and check_kind <> 'any') as named
    full join shown_runs as shown on shown.tool_use_id = named.tool_use_id and shown.check_name = named.check_name
),

-- A script is the check that its output shows, where it shows one of its kind.
kept as (
    select
        * exclude (has_known_check_of_kind),
        count(*) over (partition by tool_use_id) as check_count
    from (
        select
            *,
            bool_or(not is_script and is_shown) over (partition by tool_use_id, check_kind) as has_known_check_of_kind,
            bool_or(not is_named) over (partition by tool_use_id) as has_shown_check
        from found
    )
    where not is_script or not has_known_check_of_kind
),

measured as (
    select
        kept.*,
        windows.* exclude (tool_use_id),
        {{ check_measure('passed', 'kept.check_name', 'windows.output_text') }} as read_passed,
        {{ check_measure('failed', 'kept.check_name', 'windows.output_text') }} as read_failed,
        {{ check_measure('errored', 'kept.check_name', 'windows.output_text') }} as read_errors,
        {{ check_measure('skipped', 'kept.check_name', 'windows.output_text') }} as read_skipped,
        {{ check_measure('other', 'kept.check_name', 'windows.output_text') }} as read_other,
        {{ check_measure('total', 'kept.check_name', 'windows.output_text') }} as read_total,
        {{ check_measure('warnings', 'kept.check_name', 'windows.output_text') }} as read_warnings,
        {{ check_measure('fixed', 'kept.check_name', 'windows.output_text') }} as read_fixed,
        {{ check_measure('seconds', 'kept.check_name', 'windows.output_text') }} as read_seconds,
        {{ check_measure('milliseconds', 'kept.check_name', 'windows.output_text') }} as read_milliseconds,
        {{ check_measure('minutes', 'kept.check_name', 'windows.output_text') }} as read_minutes,
        {{ check_measure('passed_word', 'kept.check_name', 'windows.output_text') }} is not null as has_passed_word,
        {{ check_measure('failed_word', 'kept.check_name', 'windows.output_text') }} is not null as has_failed_word,
        {{ check_states_counts('kept.check_name', 'windows.output_text') }} as states_counts,
        {{ check_measure('kind_word', 'kept.check_name', 'windows.output_text') }} is not null as has_kind_word,
        {{ check_measure('nothing_ran', 'kept.check_name', 'windows.output_text') }} is not null as says_nothing_ran,
        {{ check_says('not_run', 'windows.output_text') }} as says_not_run,
        kept.check_kind = 'test' and {{ check_says('crash', 'windows.output_text') }} as says_crash,
        -- The summary of a run may lie in what was cut out of the middle; what is read then is another run's.
        case when kept.check_name = 'pytest' and windows.is_output_cut then {{ check_unfinished('windows.output_text') }} else false end as is_partly_read
    from kept
    inner join windows on windows.tool_use_id = kept.tool_use_id
),

counted as (
    select
        *,
        coalesce(read_failed, 0) + coalesce(read_errors, 0) as failing,
        -- How many ran says nothing of how many passed, unless words do. Lines can be counted where all of them are there: those of
        -- passed tests too, and nothing was cut.
        (coalesce(read_passed, read_failed, read_errors) is not null or (read_total is not null and has_passed_word)) and not is_partly_read
        and (
            check_kind <> 'test' or states_counts
            or (
                coalesce(read_passed, read_total) is not null and not is_output_cut
                and not (coalesce(operator_after in ('|', '|&'), false) and regexp_matches(next_text, {{ filters }}))
            )
        ) as has_counts,
        operator_after in ('|', '|&') and not contains(command_text, 'pipefail') as is_piped,
        -- The exit status of the whole says nothing of this command.
        coalesce(operator_after in ('|', '|&') and not contains(command_text, 'pipefail'), false)
        or has_loose_end or regexp_matches(piece_text, '^\s*(if|elif|while|until|!)\s') as is_exit_code_hidden
    from measured
),

exits as (
    select
        *,
        case
            when
                is_exit_code_hidden and check_count = 1 and regexp_matches(command_text, '\$\?|PIPESTATUS|\$status')
                and (not coalesce(is_piped, false) or contains(command_text, 'PIPESTATUS'))
                then cast({{ regex_last_number('output_text', "'(?im)\\b(?:exit(?:ed)?(?:[ _-]?(?:code|status))?|rc|status|ret)\\b\\W{0,4}(\\d{1,3})\\b'") }} as bigint)
        end as printed_exit_code,
        case
            when failing > 0 or has_failed_word then 'failed'
            when says_crash and not has_counts then 'failed'
            when has_counts or (has_passed_word and not is_partly_read) then 'passed'
        end as read_outcome,
        -- A compiler or linter that has nothing to say: its whole output, errors included, went through a pipe that kept the end.
        coalesce(
            call_status = 'ok' and check_count = 1 and check_kind in ('build', 'lint', 'format', 'type_check') and is_piped
            and contains(command_text, '2>&1') and regexp_matches(next_text, '^(tail|head|cat)\b')
            and trim({{ regex_replace_all('output_text', "'(?m)^([$>] .*|.*Entering directory.*)$'", "''") }}, ' ' || chr(10)) = '',
            false
        ) as is_silent
    from counted
),

chained as (
    select
        *,
        case when is_exit_code_hidden then printed_exit_code else call_exit_status end as check_exit_code,
        min(case when read_outcome = 'failed' then command_number end) over (partition by tool_use_id) as first_failed_piece,
        row_number() over (partition by tool_use_id, read_outcome is null order by command_number, check_name) as unread_rank
    from exits
),

concluded as (
    select
        *,
        -- The tests passed and the run did not: a threshold, a crash at the end. Only echoes can follow, which do not fail.
        coalesce(
            read_outcome = 'passed' and check_count = 1 and check_exit_code > 0 and (
                (is_named and not is_script and (operator_after is null or is_told_at_most)) or (is_in_own_script and operator_after is null)
            ), false
        ) as has_failed_at_last
    from chained
),

judged as (
    select
        *,
        case
            when read_outcome = 'failed' or has_failed_at_last then 'failed'
            -- A script that ran this and perhaps more failed, and words do not say at what.
            when
                read_outcome = 'passed' and not has_counts and is_in_wrapper and check_count = 1 and check_exit_code > 0
                and not regexp_matches(bare_text, '^(git|gt)\b') then 'unknown'
            when read_outcome = 'passed' then 'passed'
            when says_nothing_ran then 'unknown'
            when check_exit_code = 0 then 'passed'
            when check_exit_code > 0 and first_failed_piece is null and unread_rank = 1 then 'failed'
            when check_exit_code > 0 and first_failed_piece > command_number then 'passed'
            when is_silent then 'passed'
            else 'unknown'
        end as outcome,
        case
            when has_failed_at_last then 'exit_code'
            when has_counts and (failing > 0 or (read_outcome = 'passed' and not has_failed_word)) then 'counts'
            when read_outcome is not null then 'words'
            when check_exit_code is not null then 'exit_code'
            when is_silent then 'silence'
        end as outcome_method,
        -- After a failure in a chain of && nothing more is run.
        read_outcome is null and check_exit_code > 0 and is_named and operator_before in ('&&', '|')
        and (coalesce(first_failed_piece < command_number, false) or (first_failed_piece is null and unread_rank > 1)) as is_not_reached
    from concluded
),

-- What the command was aimed at: one file, else one folder; the arguments of options that name something else are left out.
aimed as (
    select
        *,
        {{ regex_replace_all('bare_text', "'\\s(?:-c|-p|-o|--config|--project|--rootdir|--settings|--output|--reporter|--tsconfig|--schema|--env-file)[= ]\\S+'", "''") }}
            as argument_text,
        coalesce(
            nullif({{ regex_group('command_text', '^\\s*cd\\s+"([^"]+)"') }}, ''),
            nullif({{ regex_group('command_text', "^\\s*cd\\s+''([^'']+)''") }}, ''),
            nullif({{ regex_group('command_text', '^\\s*cd\\s+([^\\s;&|"]+)') }}, '')
        ) as cd_path
    from judged
    where
        not is_not_reached
        -- A script of which nothing is known but the check that its output shows.
        and not (outcome = 'unknown' and is_script and has_shown_check)
        -- A program that is only called like a test and says something, but nothing of tests.
        and not (
            -- A rule below this knows a test by the name of a script alone: its output must show that it is one.
            rule_confidence < {{ var('check_name_confidence', 0.7) }} and is_script and not has_kind_word and read_outcome is null
            and trim(output_text, ' ' || chr(10)) <> ''
        )
        and not (says_not_run and read_outcome is null and coalesce(check_exit_code, 1) > 0)
),

targeted as (
    select
        *,
        -- What stands behind a wrapper is a script, not what was checked.
        case when is_in_wrapper then 0 else coalesce(cast({{ regex_count('argument_text', "'" ~ target_file ~ "'") }} as bigint), 0) end
            as target_file_count,
        case when not is_in_wrapper then coalesce(
            -- Validators name the schema before the file.
            case when check_kind = 'validation' then nullif({{ regex_group('argument_text', '^.*' ~ target_file) }}, '') end,
            nullif({{ regex_group('argument_text', target_file) }}, ''),
            -- `./...` of Go is everything below.
            nullif(nullif({{ regex_group('argument_text', target_folder) }}, ''), './...')
        ) end as target_text,
        case
            when cd_path like '/%' or regexp_matches(cd_path, '^[A-Za-z]:') then {{ path_identity('cd_path') }}
            when regexp_matches(cd_path, '^[A-Za-z0-9_.][^~$]*$') and cd_path not like '..%' and cd_path <> '.'
                then {{ path_identity("working_dir || '/' || cd_path") }}
            else working_dir
        end as run_dir
    from aimed
),

-- A client may write the lines of call and result with one time, which tells nothing about how long it took.
timed as (
    select
        * exclude (duration_ms),
        check_count > 1 or is_background as is_shared,
        nullif(duration_ms, 0) as duration_ms,
        coalesce(read_minutes, 0) * 60 + coalesce(read_seconds, 0) + coalesce(read_milliseconds, 0) / 1000 as own_seconds,
        coalesce(read_seconds, read_milliseconds, read_minutes) is not null and coalesce(
            is_background
            or coalesce(read_minutes, 0) * 60 + coalesce(read_seconds, 0) + coalesce(read_milliseconds, 0) / 1000 <= nullif(duration_ms, 0) / 1000, true
        ) as has_own_duration
    from targeted
),

placed as (
    select
        *,
        case
            when check_kind <> 'test' then {{ without_run_options }}
            when check_name = 'pytest' then {{ regex_replace_all(regex_replace_all(chosen_tests, pytest_options, "''"), pytest_choice, "' only:\\1'") }}
            else {{ chosen_tests }}
        end as shape_text,
        case
            when regexp_matches(target_text, '^(/|~/|[A-Za-z]:)') then {{ path_identity("rtrim(target_text, '/')") }}
            when target_text like '..%' then null
            else {{ path_identity("run_dir || '/' || rtrim(" ~ regex_replace_all('target_text', "'^[.]/'", "''") ~ ", '/')") }}
        end as target_path,
        -- A check that names what it looked at in its output only; what a generator writes is not looked at.
        case
            when check_kind = 'validation' and check_name <> 'generated_file'
                then nullif({{ regex_group('output_text', '((?:[\\w.@-]+/)*(?:skills|agents|commands)/[\\w./-]+[.]md)') }}, '')
        end as shown_path
    from timed
)

select
    {{ surrogate_key(['targeted.tool_use_id', 'targeted.check_name']) }} as check_run_id,
    targeted.tool_use_id,
    targeted.session_id,
    targeted.actor,
    targeted.turn_id,
    targeted.called_at as ran_at,
    targeted.check_name,
    targeted.check_kind,
    targeted.outcome,
    case when targeted.outcome <> 'unknown' then targeted.outcome_method end as outcome_method,
    targeted.recognised_by,
    case
        when targeted.outcome_method not in ('counts', 'words') then null
        when targeted.outcome = 'failed' then coalesce(
            {{ check_measure_rule(['failed', 'errored', 'failed_word'], 'targeted.check_name', 'targeted.output_text', above_zero=true) }},
            case when targeted.says_crash then 'crash_crash' end
        )
        when targeted.outcome = 'passed'
            then {{ check_measure_rule(['passed', 'total', 'passed_word', 'failed', 'errored'], 'targeted.check_name', 'targeted.output_text') }}
    end as outcome_rule,
    -- Without the brackets of a group that began or ends elsewhere in the line.
    left(trim(case
        when not contains(targeted.piece_text, '(') then {{ regex_replace_all('targeted.piece_text', "'[\\s)]+$'", "''") }}
        when not contains(targeted.piece_text, ')') then {{ regex_replace_all('targeted.piece_text', "'^[\\s(]+'", "''") }}
        else targeted.piece_text
    end), 1000) as command_text,
    case when targeted.is_named and not targeted.is_script then '' else targeted.check_name || ': ' end
    || left(trim({{ regex_replace_all(
        regex_replace_all('targeted.shape_text', "'::\\S+|:\\d+\\b|\\s-{1,2}[^\\s=]+(=\\S*)?|\\s\"\"|[()]'", "''"), "'\\s+'", "' '"
    ) }}), 300) as command_shape,
    targeted.run_dir as working_dir,
    targeted.target_text,
    targeted.target_path,
    coalesce(
        targeted.spilled_path,
        nullif({{ regex_group('targeted.command_text', '(?:>|\\btee\\s(?:-a\\s)?)\\s*([\\w./~@+-]+[.](?:log|txt|out|xml|json))\\b') }}, '')
    ) as log_path,
    nullif({{ regex_group('targeted.piece_text', '@v?([0-9]+(?:[.][0-9]+)+)') }}, '') as version_text,
    -- What was looked at, if it is a component: by its path, or an MCP server by the name that the client shows.
    case
        when targeted.check_name = 'claude_mcp' then 'mcp_server'
        else {{ path_component_type("coalesce(targeted.target_path, targeted.shown_path)") }}
    end as component_type,
    case
        when targeted.check_name = 'claude_mcp' then coalesce(
            nullif({{ regex_group('targeted.bare_text', '^claude\\s+mcp\\s+get\\s+(?:-\\S+\\s+)*([\\w.:-]+)') }}, ''),
            case when {{ regex_count('targeted.output_text', "'(?m)^([\\w.:-]+): [^\\n]* - [✔✓✗✘!⚠] '") }} = 1
                then {{ regex_group('targeted.output_text', '(?m)^([\\w.:-]+): [^\\n]* - [✔✓✗✘!⚠] ') }}
            end
        )
        else {{ path_component_name("coalesce(targeted.target_path, targeted.shown_path)") }}
    end as component_name,
    case when targeted.outcome = 'failed' then
        {{ regex_texts('targeted.output_text', "'(?im)^([^\\n]*(?:\\berrors?\\b|\\bfail(?:ed|ure|s)?\\b|✗|✘|✖|\\binvalid\\b|[a-z]{1,5}[0-9]{3,5}\\b)[^\\n]*)$'") }}
    end as error_lines,
    {{ regex_texts('targeted.output_text', "'(?im)^([^\\n]*\\bwarn(?:ing)?\\b[^\\n]*)$'") }} as warning_lines,
    right(trim(targeted.output_text), 1000) as output_excerpt,
    targeted.is_named,
    targeted.is_background,
    targeted.is_exit_code_hidden,
    targeted.is_output_cut,
    coalesce(
        targeted.is_piped and regexp_matches(targeted.next_text, {{ filters }}), false
    ) as is_output_filtered,
    -- A status that contradicts the outcome, or that one of several checks may have caused, is not this check's.
    cast(case
        when targeted.outcome = 'passed' and targeted.check_exit_code = 0 then 0
        when targeted.outcome = 'failed' and targeted.check_exit_code > 0 and (targeted.is_named or targeted.check_count = 1)
            then nullif(case when targeted.is_exit_code_hidden then targeted.printed_exit_code else targeted.stated_exit_code end, 0)
    end as bigint) as exit_code,
    cast(targeted.command_count as bigint) as command_count,
    targeted.target_file_count,
    cast(case when targeted.has_counts then coalesce(
        targeted.read_total,
        coalesce(targeted.read_passed, 0) + targeted.failing + coalesce(targeted.read_skipped, 0) + coalesce(targeted.read_other, 0)
    ) when not targeted.is_partly_read then targeted.read_total end as bigint) as total_count,
    cast(coalesce(
        case when targeted.has_counts then targeted.read_passed end,
        case when targeted.has_counts and targeted.read_total is not null then
            greatest(targeted.read_total - targeted.failing - coalesce(targeted.read_skipped, 0) - coalesce(targeted.read_other, 0), 0)
        end,
        case when targeted.has_counts then 0 end
    ) as bigint) as passed_count,
    -- Some runners count a failure once more as an error: no more can have failed than did not pass.
    cast(case
        when targeted.has_counts and targeted.read_total is not null and targeted.read_passed is not null
            then {{ at_most('targeted.failing', 'greatest(targeted.read_total - targeted.read_passed, 0)') }}
        when targeted.has_counts then targeted.failing
    end as bigint) as failed_count,
    cast(case
        when targeted.is_partly_read then null
        when targeted.read_total is not null and targeted.read_passed is not null
            then {{ at_most('targeted.read_errors', 'greatest(targeted.read_total - targeted.read_passed, 0)') }}
        else targeted.read_errors
    end as bigint) as error_count,
    cast(case when targeted.has_counts then coalesce(targeted.read_skipped, 0) end as bigint) as skipped_count,
    cast(targeted.read_warnings as bigint) as warning_count,
    cast(targeted.read_fixed as bigint) as fixed_count,
    -- What ran in a call took no longer than it: a larger number adds up what ran side by side.
    case when targeted.has_own_duration then targeted.own_seconds when not targeted.is_shared then targeted.duration_ms / 1000 end as duration_seconds,
    case when targeted.has_own_duration then 'exact' when not targeted.is_shared and targeted.duration_ms is not null then 'upper_bound' end
        as duration_method,
    round(
        case when targeted.is_script and targeted.has_kind_word then greatest(targeted.rule_confidence, 0.8) else targeted.rule_confidence end
        * case
            when targeted.outcome = 'unknown' then 0.6
            when targeted.outcome_method in ('counts', 'words') then 1
            when targeted.outcome_method = 'silence' then 0.7
            else 0.9
        end, 2
    ) as confidence,
    targeted.source_path,
    targeted.source_line,
    touched._batch_id
from placed as targeted
inner join touched on touched.session_id = targeted.session_id
