{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['body_text']) }}

-- Bodies of skills and commands in conversations, loaded by a Skill call or a typed command. The folder at
-- the start of a skill's body and the text that the user typed after the command do not come from the file.
with touched as {{ touched_sessions() }},

calls as (
    select
        tool_use_id,
        turn_id,
        result_line_uuid,
        row_number() over (partition by result_line_uuid order by tool_use_id) as call_of_result,
        coalesce(
            tool_input.skill,
            nullif({{ regex_group('tool_input.command', '^[[:space:]]*/?([^[:space:]]+)') }}, '')
        ) as called_name,
        coalesce(
            tool_input.args,
            {{ regex_group('tool_input.command', '^[[:space:]]*[^[:space:]]+[[:space:]]+((?s:.*))$') }}
        ) as arguments
    from {{ touched_rows(ref('int_tool_call')) }} as calls_of_sessions
    where tool_name in ('Skill', 'SlashCommand')
),

-- Commands that the client answers by itself (/model, /clear): the text after them does not belong to them.
local_commands as (
    select distinct lines.parent_uuid as turn_id
    from {{ touched_rows(ref('int_line')) }} as lines
    inner join {{ touched_rows(ref('stg_transcripts__block')) }} as blocks on blocks.line_id = lines.line_id
    where blocks.block_text like '<local-command-std%'
    union
    select distinct parent_uuid as turn_id
    from {{ touched_rows(ref('int_line')) }} as lines_of_sessions
    where subtype = 'local_command'
),

turns as (
    select turns.*
    from {{ touched_rows(ref('int_turn')) }} as turns
    anti join local_commands on local_commands.turn_id = turns.turn_id
),

texts as (
    select
        lines.session_id,
        lines.line_uuid,
        lines.created_at,
        lines.source_path,
        lines.line_number,
        lines._batch_id,
        blocks.block_number,
        blocks.block_text,
        coalesce(calls.called_name, answered.called_name, turns.command_name) as called_name,
        coalesce(
            calls.arguments, answered.arguments, substr(turns.prompt_text, length(turns.command_name) + 2)
        ) as arguments,
        coalesce(calls.tool_use_id, answered.tool_use_id) as tool_use_id,
        coalesce(turns.turn_id, calls.turn_id, answered.turn_id) as turn_id,
        blocks.block_text like 'Base directory for this skill:%' as is_skill,
        nullif({{ regex_group("blocks.block_text", "^Base directory for this skill: ([^\\n]+)") }}, '')
            as skill_path
    from {{ touched_rows(ref('int_line')) }} as lines
    inner join {{ touched_rows(ref('stg_transcripts__block')) }} as blocks
        on blocks.line_id = lines.line_id and blocks.block_type = 'text'
    inner join {{ ref('stg_transcripts__line') }} as raw_lines on raw_lines.line_id = lines.line_id
    left join turns on turns.turn_id = lines.parent_uuid
    left join calls on calls.tool_use_id = raw_lines.source_tool_use_id
    -- Before 2.1.97 no line names its call: the body follows the call's result.
    left join calls as answered
        on answered.result_line_uuid
        = case when raw_lines.source_tool_use_id is null then lines.parent_uuid end
        and answered.call_of_result = 1
    where
        raw_lines.is_meta
        and (
            blocks.block_text like 'Base directory for this skill:%' or calls.tool_use_id is not null
            or answered.tool_use_id is not null or turns.command_name is not null
        )
        and not {{ regex_matches(
            'blocks.block_text', "'^\\s*(<local-command-|Caveat: |<system-reminder>)'"
        ) }}
),

-- One text per load: the longest, if a line or a command brought several.
ranked as (
    select
        *,
        row_number() over (
            partition by coalesce(tool_use_id, turn_id, line_uuid)
            order by is_skill desc, length(block_text) desc, line_uuid, block_number
        ) as text_rank
    from texts
),

bodies as (
    select
        *,
        {{ trim_space(regex_remove(
            regex_remove("block_text", "^Base directory for this skill: [^\\n]+"), "\\n\\nARGUMENTS: (?s:.*)$"
        )) }} as body_text
    from ranked
    where text_rank = 1
),

-- With the call's own values replaced by placeholders.
masked as (
    select
        *,
        md5(replace(
            {{ template_text('block_text', "coalesce(arguments, '')", 'session_id') }},
            coalesce(skill_path, '${CLAUDE_SKILL_DIR}'), '${CLAUDE_SKILL_DIR}'
        )) as body_hash,
        -- A typed command may load a different skill than the one it names: the body's folder shows which.
        case
            when
                tool_use_id is null and skill_path is not null
                and lower({{ path_name('skill_path') }}) <> lower(
                    {{ regex_group('called_name', '([^:]*)$') }}
                )
                then {{ path_name('skill_path') }}
            else coalesce(called_name, nullif({{ path_name('skill_path') }}, ''))
        end as skill_name
    from bodies
)

select
    masked.line_uuid,
    masked.session_id,
    masked.tool_use_id,
    masked.turn_id,
    case when masked.is_skill then 'skill' else 'command' end as component_type,
    -- The name under which it was called, which includes the plugin, or else the folder's name.
    masked.skill_name,
    masked.skill_path,
    masked.body_text,
    masked.body_hash,
    masked.created_at,
    cast(masked.block_number as bigint) as block_number,
    masked.source_path as _source_path,
    masked.line_number as _source_line,
    masked._batch_id
from masked
