{{ config(materialized='table') }}

{#- Commands that only read: they neither write their output to a file nor continue with another command. -#}
{%- set only_looking = "'^\\s*(?:cd\\s+(?:\"[^\"]*\"|\\S+)\\s*(?:&&|\\x3b|\\n)\\s*)?"
    ~ "(?:cat|ls|grep|egrep|rg|head|tail|find|wc|pwd|git\\s+(?:status|log|diff|show|branch))\\b"
    ~ "[^>\\x3b&\\n]*$'" -%}

-- Rebuilt from scratch each time, like the signs.
with signs as (
    select * from {{ ref('int_conflict_sign') }}
),

-- When the agent itself last read or edited the file: it knew of all earlier changes by others.
looks as (
    select
        calls.session_id,
        calls.actor,
        calls.target_path as file_path,
        coalesce(calls.returned_at, calls.called_at) as looked_at
    from {{ ref('int_tool_call') }} as calls
    inner join {{ ref('tool_types') }} as types on types.tool_name = calls.tool_name
    where types.tool_family in ('file_read', 'file_edit', 'notebook') and calls.is_success
),

last_looks as (
    select
        signs.conflict_id,
        signs.detected_at,
        max(looks.looked_at) as looked_at
    from signs
    inner join looks
        on looks.session_id = signs.session_id and looks.actor = signs.actor
        and looks.file_path = signs.file_path
        and looks.looked_at < signs.detected_at
    group by signs.conflict_id, signs.detected_at
),

-- A change may be reported several times before the agent reads the file again; a merge, at each of its
-- calls.
keyed as (
    select
        signs.*,
        last_looks.looked_at,
        case
            when signs.detection_rule in ('git_conflict', 'modified_since_read') then signs.conflict_id
            else concat_ws(
                    chr(31), signs.session_id, signs.actor, signs.turn_id,
                    coalesce(signs.file_path, signs.conflict_id),
                    cast(last_looks.looked_at as varchar)
                )
        end as change_key
    from signs
    left join last_looks
        on last_looks.conflict_id = signs.conflict_id
        and last_looks.detected_at is not distinct from signs.detected_at
),

changes as (
    select
        change_key,
        count(distinct coalesce(tool_use_id, conflict_id)) as signal_count,
        min(detected_at) filter (where detection_rule = 'stale_recovered') as recovered_at,
        max(detected_at) as last_detected_at,
        max_by(source_line, (detected_at, source_line)) as last_source_line
    from keyed
    group by change_key
),

signals as (
    select
        first_signs.* exclude (change_key, sign_number),
        changes.signal_count,
        changes.recovered_at,
        changes.last_detected_at,
        changes.last_source_line
    from (
        select
            *,
            row_number() over (
                partition by change_key order by detected_at, source_path, source_line, conflict_id
            ) as sign_number
        from keyed
    ) as first_signs
    inner join changes on changes.change_key = first_signs.change_key
    where first_signs.sign_number = 1
),

commands as (
    select
        session_id,
        actor,
        line_uuid,
        response_id,
        called_at
    from {{ ref('int_tool_call') }}
    where
        tool_name in ('Bash', 'PowerShell') and tool_input.command is not null
        and not {{ regex_matches('tool_input.command', only_looking) }}
),

-- The change is the agent's own if the client says so, or if the agent ran a command that did more than read:
-- in its last response, because a change is reported with the next request; for an edit that fails or is
-- merged in, at any time since the agent last read or edited the file.
own_changes as (
    select signals.conflict_id
    from signals
    inner join {{ ref('int_tool_call') }} as last_calls on last_calls.line_uuid = signals.previous_line_uuid
    inner join commands
        on commands.session_id = last_calls.session_id and commands.response_id = last_calls.response_id
    union
    select signals.conflict_id
    from signals
    inner join commands
        on commands.session_id = signals.session_id and commands.actor = signals.actor
        and commands.called_at > signals.looked_at and commands.called_at <= signals.detected_at
    where signals.detection_rule in ('modified_since_read', 'stale_recovered')
)

select
    conflict_id,
    session_id,
    actor,
    turn_id,
    host,
    file_path,
    detected_at,
    last_detected_at,
    recovered_at,
    looked_at,
    previous_written_at,
    detection_rule,
    detection_rule = 'stale_hint' or conflict_id in (select conflict_id from own_changes) as is_own,
    signal_count,
    source_path,
    source_line,
    last_source_line,
    _batch_id
from signals
