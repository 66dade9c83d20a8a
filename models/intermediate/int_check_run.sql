-- depends_on: {{ ref('check_rules') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['output_excerpt', 'command_text']
) }}

{%- set filters = "'^(tail|head|grep|egrep|rg|sed|awk|cut|wc|sort|less|jq)\\b'" -%}

with touched as {{ touched_sessions() }},

measured as (
    select
        checks.* exclude (_batch_id),
        outputs.* exclude (tool_use_id, session_id, _batch_id),
        {{ check_measure('passed', 'checks.check_name', 'outputs.output_text') }} as read_passed,
        {{ check_measure('failed', 'checks.check_name', 'outputs.output_text') }} as read_failed,
        {{ check_measure('errored', 'checks.check_name', 'outputs.output_text') }} as read_errors,
        {{ check_measure('skipped', 'checks.check_name', 'outputs.output_text') }} as read_skipped,
        {{ check_measure('other', 'checks.check_name', 'outputs.output_text') }} as read_other,
        {{ check_measure('total', 'checks.check_name', 'outputs.output_text') }} as read_total,
        {{ check_measure('warnings', 'checks.check_name', 'outputs.output_text') }} as read_warnings,
        {{ check_measure('fixed', 'checks.check_name', 'outputs.output_text') }} as read_fixed,
        {{ check_measure('seconds', 'checks.check_name', 'outputs.output_text') }} as read_seconds,
        {{ check_measure('milliseconds', 'checks.check_name', 'outputs.output_text') }} as read_milliseconds,
        {{ check_measure('minutes', 'checks.check_name', 'outputs.output_text') }} as read_minutes,
        {{ check_measure('passed_word', 'checks.check_name', 'outputs.output_text') }} is not null
            as has_passed_word,
        {{ check_measure('failed_word', 'checks.check_name', 'outputs.output_text') }} is not null
            as has_failed_word,
        {{ check_states_counts('checks.check_name', 'outputs.output_text') }} as states_counts,
        {{ check_measure('kind_word', 'checks.check_name', 'outputs.output_text') }} is not null
            as has_kind_word,
        {{ check_measure('nothing_ran', 'checks.check_name', 'outputs.output_text') }} is not null
            as says_nothing_ran,
        {{ check_says('not_run', 'outputs.output_text') }} as says_not_run,
        checks.check_kind = 'test' and {{ check_says('crash', 'outputs.output_text') }} as says_crash,
        -- The summary of a run may be in the part cut out of the middle; any summary still found belongs to
        -- another run.
        case
            when checks.check_name = 'pytest' and outputs.is_output_cut
                then {{ check_unfinished('outputs.output_text') }}
            else false
        end as is_partly_read
    from {{ touched_rows(ref('int_found_check')) }} as checks
    inner join {{ touched_rows(ref('int_check_output')) }} as outputs
        on outputs.tool_use_id = checks.tool_use_id
),

counted as (
    select
        *,
        coalesce(read_failed, 0) + coalesce(read_errors, 0) as failing,
        -- The number of tests that ran does not show how many passed, unless words say so. Lines can be
        -- counted only if none is missing: lines of passed tests are shown, and nothing was cut.
        (
            coalesce(read_passed, read_failed, read_errors) is not null
            or (read_total is not null and has_passed_word)
        )
        and not is_partly_read
        and (
            check_kind <> 'test' or states_counts
            or (
                coalesce(read_passed, read_total) is not null and not is_output_cut
                and not (
                    coalesce(operator_after in ('|', '|&'), false)
                    and regexp_matches(next_text, {{ filters }})
                )
            )
        ) as has_counts,
        operator_after in ('|', '|&') and not contains(command_text, 'pipefail') as is_piped,
        -- The exit status of the whole command does not show that of this check.
        coalesce(operator_after in ('|', '|&') and not contains(command_text, 'pipefail'), false)
        or has_loose_end or regexp_matches(piece_text, '^\s*(if|elif|while|until|!)\s') as is_exit_code_hidden
    from measured
),

exits as (
    select
        *,
        case
            when
                is_exit_code_hidden and check_count = 1
                and regexp_matches(command_text, '\$\?|PIPESTATUS|\$status')
                and (not coalesce(is_piped, false) or contains(command_text, 'PIPESTATUS'))
                then cast({{ regex_last_number(
                    'output_text',
                    "'(?im)\\b(?:exit(?:ed)?(?:[ _-]?(?:code|status))?|rc|status|ret)\\b"
                    ~ "\\W{0,4}(\\d{1,3})\\b'"
                ) }} as bigint)
        end as printed_exit_code,
        case
            when failing > 0 or has_failed_word then 'failed'
            when says_crash and not has_counts then 'failed'
            when has_counts or (has_passed_word and not is_partly_read) then 'passed'
        end as read_outcome,
        -- A compiler or linter without output: all its output, including errors, went through a pipe that
        -- keeps the end.
        coalesce(
            call_status = 'ok' and check_count = 1 and check_kind in ('build', 'lint', 'format', 'type_check')
            and is_piped
            and contains(command_text, '2>&1') and regexp_matches(next_text, '^(tail|head|cat)\b')
            and trim(
                {{ regex_replace_all('output_text', "'(?m)^([$>] .*|.*Entering directory.*)$'", "''") }},
                ' ' || chr(10)
            ) = '', false
        ) as is_silent
    from counted
),

chained as (
    select
        *,
        case when is_exit_code_hidden then printed_exit_code else call_exit_status end as check_exit_code,
        min(case when read_outcome = 'failed' then command_number end) over (partition by tool_use_id)
            as first_failed_piece,
        row_number() over (partition by tool_use_id, read_outcome is null order by command_number, check_name)
            as unread_rank
    from exits
),

concluded as (
    select
        *,
        -- The tests passed, but the run failed: a threshold, a crash at the end. Later echoes cannot fail.
        coalesce(
            read_outcome = 'passed' and check_count = 1 and check_exit_code > 0 and (
                (is_named and not is_script and (operator_after is null or is_told_at_most))
                or (is_in_own_script and operator_after is null)
            ), false
        ) as has_failed_at_last
    from chained
),

judged as (
    select
        *,
        case
            when read_outcome = 'failed' or has_failed_at_last then 'failed'
            -- A script that ran this check, and perhaps others, failed, and no words say which part.
            when
                read_outcome = 'passed' and not has_counts and is_in_wrapper and check_count = 1
                and check_exit_code > 0
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
            when has_counts and (failing > 0 or (read_outcome = 'passed' and not has_failed_word))
                then 'counts'
            when read_outcome is not null then 'words'
            when check_exit_code is not null then 'exit_code'
            when is_silent then 'silence'
        end as outcome_method,
        -- In a chain of &&, nothing runs after a failure.
        read_outcome is null and check_exit_code > 0 and is_named and operator_before in ('&&', '|')
        and (
            coalesce(first_failed_piece < command_number, false)
            or (first_failed_piece is null and unread_rank > 1)
        ) as is_not_reached
    from concluded
),

-- A client may write the same time on the lines of call and result, which then gives no duration.
runs as (
    select
        * exclude (duration_ms),
        check_count > 1 or is_background as is_shared,
        nullif(duration_ms, 0) as duration_ms,
        coalesce(read_minutes, 0) * 60 + coalesce(read_seconds, 0)
        + coalesce(read_milliseconds, 0) / 1000 as own_seconds,
        coalesce(read_seconds, read_milliseconds, read_minutes) is not null and coalesce(
            is_background
            or coalesce(read_minutes, 0) * 60 + coalesce(read_seconds, 0) + coalesce(read_milliseconds, 0)
            / 1000 <= nullif(duration_ms, 0) / 1000, true
        ) as has_own_duration,
        -- Checks that name the checked file only in their output; files written by a generator do not count
        -- as checked.
        case
            when check_kind = 'validation' and check_name <> 'generated_file'
                then nullif({{ regex_group(
                    'output_text', '((?:[\\w.@-]+/)*(?:skills|agents|commands)/[\\w./-]+[.]md)'
                ) }}, '')
        end as shown_path
    from judged
    where
        not is_not_reached
        -- A script about which nothing is known except the check that its output shows.
        and not (outcome = 'unknown' and is_script and has_shown_check)
        -- A program that merely has the name of a test and prints something, but nothing about tests.
        and not (
            -- A weaker rule recognises a test only by its script's name: the output must confirm it.
            rule_confidence < {{ var('check_name_confidence', 0.7) }} and is_script and not has_kind_word
            and read_outcome is null
            and trim(output_text, ' ' || chr(10)) <> ''
        )
        and not (says_not_run and read_outcome is null and coalesce(check_exit_code, 1) > 0)
)

select
    {{ surrogate_key(['runs.tool_use_id', 'runs.check_name']) }} as check_run_id,
    runs.tool_use_id,
    runs.session_id,
    runs.actor,
    runs.turn_id,
    runs.called_at as ran_at,
    runs.check_name,
    runs.check_kind,
    runs.outcome,
    case when runs.outcome <> 'unknown' then runs.outcome_method end as outcome_method,
    runs.recognised_by,
    case
        when runs.outcome_method not in ('counts', 'words') then null
        when runs.outcome = 'failed'
            then coalesce(
                {{ check_measure_rule(
                    ['failed', 'errored', 'failed_word'], 'runs.check_name', 'runs.output_text',
                    above_zero=true
                ) }},
                case when runs.says_crash then 'crash_crash' end
            )
        when runs.outcome = 'passed'
            then {{ check_measure_rule(
                ['passed', 'total', 'passed_word', 'failed', 'errored'], 'runs.check_name', 'runs.output_text'
            ) }}
    end as outcome_rule,
    targets.command_text,
    targets.command_shape,
    targets.working_dir,
    targets.target_text,
    targets.target_path,
    targets.log_path,
    targets.version_text,
    -- The checked component: identified by its path, or an MCP server by the name that the client shows.
    case
        when runs.check_name = 'claude_mcp' then 'mcp_server'
        else {{ path_component_type("coalesce(targets.target_path, runs.shown_path)") }}
    end as component_type,
    case
        when runs.check_name = 'claude_mcp'
            then coalesce(
                nullif(
                    {{ regex_group('runs.bare_text', '^claude\\s+mcp\\s+get\\s+(?:-\\S+\\s+)*([\\w.:-]+)') }},
                    ''
                ),
                case
                    when {{ regex_count('runs.output_text', "'(?m)^([\\w.:-]+): [^\\n]* - [✔✓✗✘!⚠] '") }} = 1
                        then {{ regex_group('runs.output_text', '(?m)^([\\w.:-]+): [^\\n]* - [✔✓✗✘!⚠] ') }}
                end
            )
        else {{ path_component_name("coalesce(targets.target_path, runs.shown_path)") }}
    end as component_name,
    case
        when runs.outcome = 'failed'
            then {{ regex_texts('runs.output_text', "'(?im)^([^\\n]*(?:\\berrors?\\b|\\bfail(?:ed|ure|s)?\\b"
                ~ "|✗|✘|✖|\\binvalid\\b|[a-z]{1,5}[0-9]{3,5}\\b)[^\\n]*)$'") }}
    end as error_lines,
    {{ regex_texts('runs.output_text', "'(?im)^([^\\n]*\\bwarn(?:ing)?\\b[^\\n]*)$'") }} as warning_lines,
    right(trim(runs.output_text), 1000) as output_excerpt,
    runs.is_named,
    runs.is_background,
    runs.is_exit_code_hidden,
    runs.is_output_cut,
    coalesce(runs.is_piped and regexp_matches(runs.next_text, {{ filters }}), false) as is_output_filtered,
    -- Drop a status that contradicts the outcome, or may belong to another of several checks.
    cast(case
        when runs.outcome = 'passed' and runs.check_exit_code = 0 then 0
        when runs.outcome = 'failed' and runs.check_exit_code > 0 and (runs.is_named or runs.check_count = 1)
            then nullif(
                case when runs.is_exit_code_hidden then runs.printed_exit_code else runs.stated_exit_code end,
                0
            )
    end as bigint) as exit_code,
    cast(runs.command_count as bigint) as command_count,
    targets.target_file_count,
    cast(case
        when runs.has_counts
            then coalesce(
                runs.read_total, coalesce(runs.read_passed, 0) + runs.failing
                + coalesce(runs.read_skipped, 0) + coalesce(runs.read_other, 0)
            )
        when not runs.is_partly_read then runs.read_total
    end as bigint) as total_count,
    cast(coalesce(
        case when runs.has_counts then runs.read_passed end,
        case
            when runs.has_counts and runs.read_total is not null
                then greatest(
                    runs.read_total - runs.failing - coalesce(runs.read_skipped, 0)
                    - coalesce(runs.read_other, 0), 0
                )
        end,
        case when runs.has_counts then 0 end
    ) as bigint) as passed_count,
    -- Some runners count a failure again as an error: no more tests can have failed than did not pass.
    cast(case
        when runs.has_counts and runs.read_total is not null and runs.read_passed is not null
            then {{ at_most('runs.failing', 'greatest(runs.read_total - runs.read_passed, 0)') }}
        when runs.has_counts then runs.failing
    end as bigint) as failed_count,
    cast(case
        when runs.is_partly_read then null
        when runs.read_total is not null and runs.read_passed is not null
            then {{ at_most('runs.read_errors', 'greatest(runs.read_total - runs.read_passed, 0)') }}
        else runs.read_errors
    end as bigint) as error_count,
    cast(case when runs.has_counts then coalesce(runs.read_skipped, 0) end as bigint) as skipped_count,
    cast(runs.read_warnings as bigint) as warning_count,
    cast(runs.read_fixed as bigint) as fixed_count,
    -- A check takes no longer than its call: a larger number is a sum over parallel parts.
    case
        when runs.has_own_duration then runs.own_seconds
        when not runs.is_shared then runs.duration_ms / 1000
    end as duration_seconds,
    case
        when runs.has_own_duration then 'exact'
        when not runs.is_shared and runs.duration_ms is not null then 'upper_bound'
    end as duration_method,
    round(
        case
            when runs.is_script and runs.has_kind_word then greatest(runs.rule_confidence, 0.8)
            else runs.rule_confidence
        end
        * case
            when runs.outcome = 'unknown' then 0.6
            when runs.outcome_method in ('counts', 'words') then 1
            when runs.outcome_method = 'silence' then 0.7
            else 0.9
        end, 2
    ) as confidence,
    runs.source_path,
    runs.source_line,
    touched._batch_id
from runs
inner join touched on touched.session_id = runs.session_id
inner join {{ ref('int_check_target') }} as targets
    on targets.tool_use_id = runs.tool_use_id and targets.check_name = runs.check_name
