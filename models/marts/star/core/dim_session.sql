with recursive sessions as (
    select * from {{ ref('int_session') }}
),

-- Forks, resumes and background moves form a chain, which is named after its first session.
chains as (
    select session_id, session_id as root_session_id, 0 as depth
    from sessions
    where parent_session_id is null or parent_session_id not in (select session_id from sessions)
    union all
    select sessions.session_id, chains.root_session_id, chains.depth + 1 as depth
    from chains
    inner join sessions on sessions.parent_session_id = chains.session_id
    where chains.depth < 100
),

last_responses as (
    select
        session_id,
        {{ value_at_max('stop_reason', '(thread_position, response_id)') }} as last_stop_reason,
        max(last_block_at) as last_response_at
    from {{ ref('int_api_response') }}
    where actor = 'main'
    group by session_id
),

last_turns as (
    select
        session_id,
        {{ value_at_max('command_name', 'turn_number') }} as last_command
    from {{ ref('int_turn') }}
    group by session_id
),

first_prompts as (
    select
        session_id,
        min_by(prompt_text, turn_number) as first_prompt
    from {{ ref('int_turn') }}
    where is_human
    group by session_id
),

-- `/clear` is the first line of the session that it starts. The previous session in the same folder ended
-- with it.
clearing as (
    select
        sessions.session_id,
        sessions.working_dir,
        sessions.started_at
    from sessions
    inner join {{ ref('int_turn') }} as turns on turns.session_id = sessions.session_id
    where turns.turn_number = 1 and turns.command_name = 'clear'
),

cleared as (
    select
        clearing.session_id as clearing_session_id,
        max_by(sessions.session_id, (sessions.ended_at, sessions.session_id)) as session_id
    from clearing
    inner join sessions
        on {{ path_identity('sessions.working_dir') }} = {{ path_identity('clearing.working_dir') }}
        and sessions.session_id <> clearing.session_id
        and sessions.ended_at <= clearing.started_at
    group by clearing.session_id
),

pending_calls as (
    select
        session_id,
        count(*) as pending_call_count
    from {{ ref('int_tool_call') }}
    where call_status = 'no_result' and actor = 'main'
    group by session_id
),

-- Ends that the client reported to its hooks, or a program for its own session. A session that went on
-- afterwards was resumed.
recorded_ends as (
    select
        events.session_id,
        max_by(
            coalesce(events.payload.reason, events.payload.end_reason), (events.occurred_at, events.event_id)
        ) as recorded_reason
    from {{ ref('stg_events__event') }} as events
    inner join sessions on sessions.session_id = events.session_id
    where
        (
            events.hook_event = 'SessionEnd'
            or (events.event_kind = 'session' and events.payload.event = 'end')
        )
        and (sessions.ended_at is null or events.occurred_at >= sessions.ended_at - interval 5 second)
    group by events.session_id
),

ended as (
    select
        sessions.*,
        recorded_ends.recorded_reason,
        coalesce(chains.root_session_id, sessions.session_id) as chain_session_id,
        first_prompts.first_prompt,
        row_number() over (
            partition by sessions.project_path order by sessions.ended_at desc nulls last, sessions.session_id
        ) as recency_in_project,
        case
            when sessions.continued_in_session_id is not null then 'continued'
            when last_turns.last_command in ('exit', 'quit', 'logout') then 'exit'
            when sessions.session_id in (select session_id from cleared) then 'clear'
            when sessions.last_error_at >= last_responses.last_response_at then 'error'
            when sessions.entrypoint like 'sdk%' and last_responses.last_stop_reason = 'end_turn'
                then 'completed'
            when pending_calls.pending_call_count > 0 and last_responses.last_stop_reason = 'tool_use'
                then 'interrupted'
            when sessions.last_line_type = 'cost-state' then 'exit'
            else 'unknown'
        end as inferred_reason
    from sessions
    left join chains on chains.session_id = sessions.session_id
    left join last_responses on last_responses.session_id = sessions.session_id
    left join last_turns on last_turns.session_id = sessions.session_id
    left join first_prompts on first_prompts.session_id = sessions.session_id
    left join pending_calls on pending_calls.session_id = sessions.session_id
    left join recorded_ends on recorded_ends.session_id = sessions.session_id
),

-- The client reports `other` whenever nobody asked it to end. In that case the log knows more.
reasoned as (
    select
        *,
        case
            when inferred_reason = 'continued' then inferred_reason
            when recorded_reason in ('prompt_input_exit', 'logout') then 'exit'
            when recorded_reason in ('clear', 'resume') then recorded_reason
            when inferred_reason = 'unknown' and recorded_reason is not null then 'other'
            else inferred_reason
        end as end_reason
    from ended
)

select
    session_id,
    parent_session_id,
    forked_from_session_id,
    continued_in_session_id,
    chain_session_id,
    user_id,
    started_at,
    ended_at,
    working_dir,
    reasoned.project_path,
    projects.project_name,
    worktree_path,
    git_branch,
    host,
    first_client_version,
    last_client_version,
    entrypoint,
    session_kind,
    plan_slug,
    coalesce(custom_title, ai_title, summary, left(first_prompt, 80)) as title,
    case
        when custom_title is not null then 'custom'
        when ai_title is not null then 'ai'
        when summary is not null then 'summary'
        when first_prompt is not null then 'first_prompt'
    end as title_source,
    end_reason,
    recorded_reason as recorded_end_reason,
    provenance,
    forked_from_session_id is not null as is_fork,
    recency_in_project = 1 as is_latest_in_project,
    has_main_transcript,
    source_path as _source_path,
    _batch_id
from reasoned
inner join {{ ref('int_project') }} as projects on projects.project_path = reasoned.project_path
