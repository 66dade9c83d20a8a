{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['command_text', 'output_text']
) }}

{#-
    Enough for everything that a client shows (30,000 characters at most), but not for a spilled file. With
    5,000 characters, a checking script in the corpus lost one in twelve of its checks.
#}
{%- set head_characters = var('check_text_head_characters', 10000) %}
{%- set tail_characters = var('check_text_tail_characters', 20000) %}

{%- set output_window -%}
    case
        when length(output_text) <= {{ head_characters + tail_characters }} then output_text
        else left(output_text, {{ head_characters }}) || chr(10) || right(output_text, {{ tail_characters }})
    end
{%- endset %}
{%- set task_of_file = "'/tasks/([A-Za-z0-9_-]+)[.]output'" %}

{%- set tasks = "(?:test|unit|e2e|lint|build|check|type-?check|format|verify|validate)" %}

with touched as {{ touched_sessions() }},

calls as (
    select
        session_id,
        actor,
        turn_id,
        tool_use_id,
        line_uuid,
        result_line_uuid,
        tool_name,
        called_at,
        returned_at,
        call_status,
        error_type,
        exit_code,
        has_found_nothing,
        duration_ms,
        tool_input.command as command_text,
        coalesce(tool_input.command, target_path) as read_text,
        result.backgroundTaskId as background_task_id,
        result.persistedOutputPath as spilled_path,
        coalesce(result.task.task_id, result.shellId) as read_task_id,
        source_path,
        source_line
    from {{ ref('int_tool_call') }} as tool_calls
    semi join touched on touched.session_id = tool_calls.session_id
    where tool_name in ('Bash', 'PowerShell', 'TaskOutput', 'BashOutput', 'Read')
),

-- Command lines in which a rule finds a check, or a command that may run one.
commands as (
    select
        calls.*,
        lines.working_dir
    from calls
    semi join (
        select tool_use_id from {{ ref('int_shell_command') }}
        where check_rule_order is not null
    ) as named on named.tool_use_id = calls.tool_use_id
    left join (
        select line_uuid, max({{ path_identity('working_dir') }}) as working_dir
        from {{ ref('stg_transcripts__line') }}
        where line_uuid in (select line_uuid from calls)
        group by line_uuid
    ) as lines on lines.line_uuid = calls.line_uuid
),

-- Calls that later read the output of a background command.
readers as (
    select
        calls.session_id,
        calls.tool_use_id,
        calls.result_line_uuid,
        calls.tool_name,
        calls.returned_at,
        calls.exit_code,
        coalesce(calls.read_task_id, nullif(regexp_extract(calls.read_text, {{ task_of_file }}, 1), ''))
            as task_id
    from calls
    where calls.read_task_id is not null or contains(coalesce(calls.read_text, ''), '/tasks/')
),

background_readers as (
    select
        readers.*,
        commands.tool_use_id as check_tool_use_id
    from readers
    inner join commands
        on commands.session_id = readers.session_id and commands.background_task_id = readers.task_id
        and commands.tool_use_id <> readers.tool_use_id
),

result_texts as (
    select
        blocks.tool_use_id,
        max(blocks.block_text) as result_text
    from {{ touched_rows(ref('stg_transcripts__block')) }} as blocks
    where
        blocks.block_type = 'tool_result'
        and blocks.line_uuid in (
            select result_line_uuid from commands
            union all
            select result_line_uuid from background_readers
        )
    group by blocks.tool_use_id
),

-- BashOutput returns the new output since the last call; all others return the whole output or a part of it.
background_outputs as (
    select
        readers.check_tool_use_id as tool_use_id,
        string_agg(texts.result_text, chr(10) order by readers.returned_at, readers.tool_use_id)
        filter (where readers.tool_name = 'BashOutput') as streamed_text,
        max_by(texts.result_text, (length(texts.result_text), readers.returned_at, readers.tool_use_id))
        filter (where readers.tool_name <> 'BashOutput') as longest_text,
        max_by(readers.exit_code, (readers.returned_at, readers.tool_use_id)) filter (
            where readers.exit_code is not null
        ) as exit_code
    from background_readers as readers
    inner join result_texts as texts on texts.tool_use_id = readers.tool_use_id
    group by readers.check_tool_use_id
),

notices as (
    select
        commands.tool_use_id,
        max(try_cast(nullif({{ regex_group('turns.prompt_text', 'exit code ([0-9]+)') }}, '') as bigint))
            as exit_code
    from {{ ref('int_turn') }} as turns
    inner join commands
        on commands.session_id = turns.session_id
        and commands.background_task_id = {{ regex_group('turns.prompt_text', '<task-id>([^<]+)</task-id>') }}
    where turns.prompt_origin = 'task_notification'
    group by commands.tool_use_id
),

outputs as (
    select
        commands.*,
        case
            when commands.background_task_id is not null
                then coalesce(backgrounds.exit_code, notices.exit_code)
            when commands.has_found_nothing then coalesce(commands.exit_code, 1)
            when commands.call_status = 'ok' then 0
            when commands.call_status = 'error' and coalesce(commands.error_type, '') <> 'timeout'
                then coalesce(commands.exit_code, 1)
        end as call_exit_status,
        -- The displayed text; a client before 2.0.37 reports that a command failed, but not its exit code.
        case
            when commands.background_task_id is not null
                then coalesce(backgrounds.exit_code, notices.exit_code)
            when commands.call_status = 'ok' and not commands.has_found_nothing then 0
            else commands.exit_code
        end as stated_exit_code,
        spilled.path as spilled_file_path,
        spilled.file_id is not null as is_spilled_read,
        -- Removed are colours, the task name before each line of a monorepo runner (`web:test: `), and the
        -- subject that git repeats after a commit, which may quote anything.
        {{ regex_replace_all(
            "replace(coalesce(spilled.result_text, backgrounds.streamed_text, backgrounds.longest_text, "
            ~ "texts.result_text, ''), chr(13), chr(10))",
            "'\\x1b\\[[0-9;?]*[A-Za-z]|(?m)^\\s*\\[[^\\]\\n]+ [0-9a-f]{7,40}\\] [^\\n]*$|(?m)^[@\\w/.-]+[: ]"
            ~ tasks ~ "[\\w:-]*:[ \\t]'",
            "''"
        ) }} as output_text
    from commands
    left join result_texts as texts on texts.tool_use_id = commands.tool_use_id
    left join background_outputs as backgrounds on backgrounds.tool_use_id = commands.tool_use_id
    left join notices on notices.tool_use_id = commands.tool_use_id
    left join {{ ref('stg_transcripts__tool_result_file') }} as spilled
        on spilled.session_id = commands.session_id
        and spilled.file_name = {{ path_name('commands.spilled_path') }}
),

-- Some clients write the output of a failed command twice, one copy after the other: it is read once.
bodies as (
    select
        *,
        trim(
            {{ regex_replace_all('output_text', "'^(Error: )?Exit code \\d+\\n'", "''") }},
            ' ' || chr(9) || chr(10)
        ) as body_text
    from outputs
),

single_outputs as (
    select
        * exclude (output_text, body_text),
        case
            when call_status <> 'error' or length(body_text) < 20 then output_text
            {%- for separator in (0, 2) %}
                when
                    left(body_text, cast(floor((length(body_text) - {{ separator }}) / 2) as bigint))
                    = right(body_text, cast(floor((length(body_text) - {{ separator }}) / 2) as bigint))
                    then left(body_text, cast(floor((length(body_text) - {{ separator }}) / 2) as bigint))
            {%- endfor %}
            else output_text
        end as output_text
    from bodies
),

windows as (
    select
        * exclude (output_text),
        regexp_matches(
            output_text,
            '(?i)<persisted-output>|\[[\d,]+ (lines|characters|chars) truncated\]|\[(output )?truncated'
        ) and not is_spilled_read as is_output_cut,
        {{ output_window }} as output_text
    from single_outputs
)

select
    windows.tool_use_id,
    windows.session_id,
    windows.actor,
    windows.turn_id,
    windows.called_at,
    windows.call_status,
    windows.command_text,
    windows.working_dir,
    windows.spilled_path,
    windows.output_text,
    windows.source_path,
    windows.source_line,
    windows.background_task_id is not null as is_background,
    windows.is_output_cut,
    cast(windows.call_exit_status as bigint) as call_exit_status,
    cast(windows.stated_exit_code as bigint) as stated_exit_code,
    windows.duration_ms,
    touched._batch_id
from windows
inner join touched on touched.session_id = windows.session_id
