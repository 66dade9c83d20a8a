-- Rebuilt from scratch each time: a conflict is between sessions.
{#- Edits of one file by two working agents within this time conflict: a choice; the corpus has one pair. #}
{%- set conflict_window_minutes = var('conflict_window_minutes', 60) %}

with calls as (
    select
        tool_use_id,
        session_id,
        actor,
        tool_name,
        called_at,
        returned_at,
        turn_id,
        target_path,
        is_success,
        tool_input.command as command,
        source_path,
        source_line,
        _batch_id
    from {{ ref('int_tool_call') }}
),

work as (
    select * from {{ ref('int_work') }}
),

-- When each agent was at work.
actors as (
    select session_id, actor, agent_id, host, started_at, ended_at
    from {{ ref('int_actor') }}
),

edits as (
    select
        calls.tool_use_id,
        calls.session_id,
        calls.actor,
        calls.tool_name,
        calls.target_path as file_path,
        coalesce(calls.returned_at, calls.called_at) as edited_at,
        calls.source_path,
        calls.source_line,
        calls._batch_id,
        actors.agent_id,
        actors.host,
        actors.started_at,
        actors.ended_at
    from calls
    inner join {{ ref('tool_types') }} as types on types.tool_name = calls.tool_name
    inner join actors on actors.session_id = calls.session_id and actors.actor = calls.actor
    where
        types.tool_family in ('file_edit', 'notebook') and calls.is_success and calls.called_at is not null
        and {{ regex_matches('calls.target_path', "'^(/|[A-Za-z]:)'") }}
        -- Every job of a build server has its own machine with the same paths.
        and not {{ is_on_build_server('calls.target_path') }}
),

-- Two agents that alternately edited one file, each while the other was at work: neither waited for the other
-- to finish.
neighbours as (
    select
        *,
        lag(session_id) over file_order as previous_session_id,
        lag(actor) over file_order as previous_actor,
        lag(agent_id) over file_order as previous_agent_id,
        lag(edited_at) over file_order as previous_edited_at,
        lag(started_at) over file_order as previous_started_at,
        lag(ended_at) over file_order as previous_ended_at
    from edits
    window file_order as (partition by host, file_path order by edited_at, tool_use_id)
),

turn_takings as (
    select
        *,
        least(previous_session_id || '/' || previous_actor, session_id || '/' || actor) as first_party,
        greatest(previous_session_id || '/' || previous_actor, session_id || '/' || actor) as second_party
    from neighbours
    where
        (previous_session_id <> session_id or previous_actor <> actor)
        and edited_at <= previous_edited_at + interval {{ conflict_window_minutes }} minute
        and edited_at <= previous_ended_at
        and started_at <= previous_edited_at
),

overlap_conflicts as (
    select
        {{ surrogate_key(["'overlap'", 'file_path', 'first_party', 'second_party']) }} as conflict_id,
        min_by(previous_agent_id, (edited_at, tool_use_id)) as agent1_id,
        min_by(agent_id, (edited_at, tool_use_id)) as agent2_id,
        min_by(session_id, (edited_at, tool_use_id)) as session_id,
        min_by(actor, (edited_at, tool_use_id)) as actor,
        min_by(previous_session_id, (edited_at, tool_use_id)) as other_session_id,
        min_by(previous_actor, (edited_at, tool_use_id)) as other_actor,
        file_path,
        min(edited_at) as detected_at,
        'file_edit' as conflict_type,
        'overlapping_edits' as detection_rule,
        -- An edit replaces a passage and keeps the rest of the other agent's text. A write replaces the file.
        case
            when max_by(tool_name, (edited_at, tool_use_id)) <> 'Write' then 'merge'
            when
                max_by(session_id || '/' || actor, (edited_at, tool_use_id))
                = min_by(session_id || '/' || actor, (edited_at, tool_use_id)) then 'agent2_wins'
            else 'agent1_wins'
        end as resolution,
        max(edited_at) as resolved_at,
        'estimated' as provenance,
        0.7 as confidence,
        count(*) as signal_count,
        min_by(source_path, (edited_at, tool_use_id)) as source_path,
        min_by(source_line, (edited_at, tool_use_id)) as source_line,
        max(_batch_id) as _batch_id
    from turn_takings
    group by file_path, first_party, second_party
),

signals as (
    select * from {{ ref('int_noticed_change') }}
),

-- The last other agent that wrote to the file within the window, or since this agent last worked, after this
-- agent last looked at it.
culprits as (
    select
        signals.conflict_id,
        edits.agent_id,
        edits.session_id,
        edits.actor,
        row_number() over (partition by signals.conflict_id order by edits.edited_at desc, edits.tool_use_id)
            as culprit_rank
    from signals
    inner join edits on edits.host = signals.host and edits.file_path = signals.file_path
    where
        -- A git conflict is about two branches, not about agents at work, and a hint is about the agent's own
        -- command.
        signals.detection_rule not in ('git_conflict', 'stale_hint')
        and (edits.session_id <> signals.session_id or edits.actor <> signals.actor)
        and edits.edited_at <= signals.detected_at
        and edits.edited_at >= least(
            signals.detected_at - interval {{ conflict_window_minutes }} minute,
            coalesce(signals.previous_written_at, signals.detected_at)
        )
        and edits.edited_at > coalesce(signals.looked_at, edits.edited_at - interval 1 second)
),

ends as (
    select
        signals.conflict_id,
        min(calls.called_at) filter (
            where
            signals.detection_rule <> 'git_conflict' and calls.is_success
            and calls.target_path = signals.file_path
            and types.tool_family in ('file_edit', 'notebook')
            and calls.turn_id is not distinct from signals.turn_id
        ) as edited_at,
        min(calls.called_at) filter (
            where signals.detection_rule = 'git_conflict' and calls.is_success
            and regexp_matches(calls.command, 'git [^|;&]*(--abort|reset --hard)')
        ) as aborted_at,
        min(calls.called_at) filter (
            where signals.detection_rule = 'git_conflict' and calls.is_success
            and regexp_matches(calls.command, 'git [^|;&]*(--continue|--skip|commit)')
        ) as committed_at
    from signals
    inner join calls
        on calls.session_id = signals.session_id and calls.actor = signals.actor
        and (
            calls.called_at > signals.last_detected_at
            -- All lines of a copied session may have the same time.
            or (
                calls.called_at = signals.last_detected_at and calls.source_path = signals.source_path
                and calls.source_line > signals.last_source_line
            )
        )
        and (calls.target_path = signals.file_path or calls.tool_name in ('Bash', 'PowerShell'))
    left join {{ ref('tool_types') }} as types on types.tool_name = calls.tool_name
    group by signals.conflict_id
),

signal_conflicts as (
    select
        signals.conflict_id,
        actors.agent_id as agent1_id,
        culprits.agent_id as agent2_id,
        signals.session_id,
        signals.actor,
        culprits.session_id as other_session_id,
        culprits.actor as other_actor,
        signals.file_path,
        signals.detected_at,
        case
            when signals.detection_rule = 'git_conflict' then 'merge_conflict'
            when culprits.agent_id is not null then 'file_edit'
            when signals.is_own then 'stale_read'
            else 'external_change'
        end as conflict_type,
        signals.detection_rule,
        case
            when signals.detection_rule = 'git_conflict'
                then
                case
                    when ends.aborted_at < coalesce(ends.committed_at, ends.aborted_at + interval 1 second)
                        then 'abort'
                    when ends.committed_at is not null then 'merge'
                end
            when coalesce(signals.recovered_at, ends.edited_at) is not null then 'merge'
            when culprits.agent_id is not null then 'agent2_wins'
            else 'change_stood'
        end as resolution,
        case
            when signals.detection_rule = 'git_conflict' then least(ends.aborted_at, ends.committed_at)
            else coalesce(signals.recovered_at, ends.edited_at)
        end as resolved_at,
        case when culprits.agent_id is not null then 'estimated' else 'observed' end as provenance,
        case when culprits.agent_id is not null then 0.8 else 1.0 end as confidence,
        signals.signal_count,
        signals.source_path,
        signals.source_line,
        signals._batch_id
    from signals
    inner join actors on actors.session_id = signals.session_id and actors.actor = signals.actor
    left join culprits on culprits.conflict_id = signals.conflict_id and culprits.culprit_rank = 1
    left join ends on ends.conflict_id = signals.conflict_id
),

-- Two agents at work at the same time that were given the same prompt.
duplicates as (
    select
        {{ surrogate_key(["'duplicate_work'", 'firsts.work_id', 'seconds.work_id']) }} as conflict_id,
        firsts.agent_id as agent1_id,
        seconds.agent_id as agent2_id,
        seconds.session_id,
        seconds.actor,
        firsts.session_id as other_session_id,
        firsts.actor as other_actor,
        cast(null as varchar) as file_path,
        seconds.created_at as detected_at,
        'duplicate_work' as conflict_type,
        'same_prompt' as detection_rule,
        case
            when firsts.outcome = 'completed' and seconds.outcome = 'completed' then 'merge'
            when firsts.outcome = 'completed' then 'agent1_wins'
            when seconds.outcome = 'completed' then 'agent2_wins'
            else 'abort'
        end as resolution,
        greatest(firsts.ended_at, seconds.ended_at) as resolved_at,
        'estimated' as provenance,
        0.8 as confidence,
        1 as signal_count,
        seconds.source_path,
        seconds.source_line,
        seconds._batch_id,
        seconds.work_id
    from work as firsts
    inner join work as seconds
        on md5(seconds.prompt_text) = md5(firsts.prompt_text) and seconds.work_id <> firsts.work_id
        and (seconds.created_at, seconds.work_id) > (firsts.created_at, firsts.work_id)
        and seconds.created_at < firsts.ended_at
    where firsts.work_source = 'delegation' and seconds.work_source = 'delegation'
),

conflicts as (
    select *, cast(null as varchar) as work_id from overlap_conflicts
    union all
    select *, cast(null as varchar) as work_id from signal_conflicts
    union all
    select * from duplicates
),

run_work as (
    select session_id, run_actor, min(work_id) as work_id
    from work
    where run_actor is not null
    group by all
)

select
    conflicts.conflict_id,
    coalesce(conflicts.work_id, run_work.work_id, other_work.work_id) as work_id,
    conflicts.agent1_id,
    conflicts.agent2_id,
    conflicts.session_id,
    conflicts.other_session_id,
    files.file_id,
    conflicts.file_path as target_path,
    conflicts.detected_at,
    conflicts.conflict_type,
    conflicts.detection_rule,
    conflicts.resolution,
    conflicts.resolved_at,
    conflicts.provenance,
    conflicts.agent2_id is not null as is_between_agents,
    cast(conflicts.confidence as double) as confidence,
    cast(conflicts.signal_count as bigint) as signal_count,
    conflicts.source_path as _source_path,
    conflicts.source_line as _source_line,
    conflicts._batch_id
from conflicts
left join run_work on run_work.session_id = conflicts.session_id and run_work.run_actor = conflicts.actor
left join run_work as other_work
    on other_work.session_id = conflicts.other_session_id and other_work.run_actor = conflicts.other_actor
left join {{ ref('dim_file') }} as files on files.file_path = conflicts.file_path
