with work as (
    select * from {{ ref('int_work') }}
),

actors as (
    select * from {{ ref('int_actor') }}
),

sessions as (
    select * from {{ ref('dim_session') }}
),

-- Hand-overs that programs report. Those in transcripts are something else: a call or a message.
recorded as (
    select * from {{ ref('int_work_recording') }}
    where step = 'taken_over'
),

messages as (
    select
        calls.*,
        calls.tool_input.to as sent_to
    from {{ ref('int_tool_call') }} as calls
    where calls.tool_name = 'SendMessage' and calls.is_success and calls.tool_input.to is not null
),

-- Resolves a name or an id: the run with this id, else the latest delegation of the session with this name.
message_targets as (
    select
        messages.tool_use_id,
        work.work_id,
        work.agent_id,
        row_number() over (
            partition by messages.tool_use_id
            order by
                coalesce(work.run_actor = messages.sent_to, false) desc, work.created_at desc, work.work_id
        ) as target_rank
    from messages
    inner join work on work.session_id = messages.session_id and work.work_source <> 'team_task'
    where
        (messages.sent_to in (work.run_actor, work.handed_to, work.teammate_name, work.agent_name))
        and work.created_at <= messages.called_at
),

-- The first line of a session that continues another one.
first_lines as (
    select session_id, source_path, source_line
    from {{ ref('int_session') }}
    where parent_session_id is not null
),

handoffs as (
    select
        work.work_id || '/delegation/' || work.agent_id as handoff_key,
        callers.agent_id as from_agent_id,
        work.agent_id as to_agent_id,
        work.work_id,
        work.session_id,
        work.assigned_at as handed_off_at,
        'delegation' as handoff_reason,
        {{ as_json({
            'description': 'work.description', 'prompt': 'left(work.prompt_text, 4000)',
            'prompt_characters': char_count('work.prompt_text'), 'model': 'work.requested_model',
            'is_background': 'work.is_background'
        }) }} as context_snapshot,
        work.source_path,
        work.source_line,
        work._batch_id
    from work
    inner join actors as callers on callers.session_id = work.session_id and callers.actor = work.actor
    where coalesce(work.outcome, '') <> 'rejected'
    union all
    select
        work.work_id || '/return/' || work.agent_id as handoff_key,
        work.agent_id as from_agent_id,
        callers.agent_id as to_agent_id,
        work.work_id,
        work.session_id,
        work.returned_at as handed_off_at,
        case
            when work.outcome = 'completed' then 'return'
            else 'return_' || work.outcome_reason
        end as handoff_reason,
        {{ as_json({
            'result': 'left(work.returned_text, 4000)', 'result_characters': char_count('work.returned_text'),
            'returned_by': 'work.ended_by', 'tool_call_count': 'work.reported_tool_call_count'
        }) }} as context_snapshot,
        work.return_source_path as source_path,
        work.return_source_line as source_line,
        work._batch_id
    from work
    inner join actors as callers on callers.session_id = work.session_id and callers.actor = work.actor
    where work.ended_by in ('result', 'notification', 'task_output')
    union all
    select
        messages.tool_use_id as handoff_key,
        senders.agent_id as from_agent_id,
        coalesce(message_targets.agent_id, mains.agent_id) as to_agent_id,
        message_targets.work_id,
        messages.session_id,
        messages.called_at as handed_off_at,
        'message' as handoff_reason,
        {{ as_json({
            'to': 'messages.sent_to', 'message': 'left(messages.tool_input.message, 4000)',
            'message_characters': char_count('messages.tool_input.message'),
            'summary': 'messages.result.routing.summary'
        }) }} as context_snapshot,
        messages.source_path,
        messages.source_line,
        messages._batch_id
    from messages
    inner join actors as senders
        on senders.session_id = messages.session_id and senders.actor = messages.actor
    left join message_targets
        on message_targets.tool_use_id = messages.tool_use_id and message_targets.target_rank = 1
    left join actors as mains
        on mains.session_id = messages.session_id and mains.actor = 'main' and messages.actor <> 'main'
        and messages.sent_to in ('main', 'team-lead', 'lead')
    union all
    select
        sessions.session_id || '/continuation' as handoff_key,
        olds.agent_id as from_agent_id,
        news.agent_id as to_agent_id,
        cast(null as varchar) as work_id,
        sessions.session_id,
        sessions.started_at as handed_off_at,
        case
            when sessions.forked_from_session_id is not null then 'fork'
            when clears.session_id is not null then 'clear'
            else 'continuation'
        end as handoff_reason,
        {{ as_json({
            'from_session_id': 'sessions.parent_session_id', 'to_session_id': 'sessions.session_id',
            'title': 'sessions.title', 'parent_is_in_store': 'parents.session_id is not null'
        }) }} as context_snapshot,
        first_lines.source_path,
        first_lines.source_line,
        sessions._batch_id
    from sessions
    inner join first_lines on first_lines.session_id = sessions.session_id
    left join sessions as parents on parents.session_id = sessions.parent_session_id
    -- `/clear` is the first line of the session that it starts.
    left join {{ ref('int_turn') }} as clears
        on clears.session_id = sessions.session_id
        and clears.turn_number = 1
        and clears.command_name = 'clear'
    inner join actors as news on news.session_id = sessions.session_id and news.actor = 'main'
    -- A session whose parent is not in the store has the same main agent: that of the project.
    left join actors as parent_mains
        on parent_mains.session_id = sessions.parent_session_id and parent_mains.actor = 'main'
    inner join actors as olds
        on olds.session_id = coalesce(parent_mains.session_id, sessions.session_id) and olds.actor = 'main'
    where sessions.parent_session_id is not null
    union all
    select
        event_id as handoff_key,
        by_agent_id as from_agent_id,
        agent_id as to_agent_id,
        work_id,
        session_id,
        occurred_at as handed_off_at,
        coalesce(lower(reason), 'delegation') as handoff_reason,
        {{ as_json({
            'context': 'left(context_text, 4000)', 'context_characters': char_count('context_text')
        }) }} as context_snapshot,
        source_path,
        source_line,
        _batch_id
    from recorded
)

select
    {{ surrogate_key(['handoff_key']) }} as handoff_id,
    from_agent_id,
    to_agent_id,
    work_id,
    session_id,
    handed_off_at,
    handoff_reason,
    context_snapshot,
    case when handoff_key in (select event_id from recorded) then 'recorded' else 'observed' end
        as provenance,
    source_path as _source_path,
    source_line as _source_line,
    _batch_id
from handoffs
