{{ config(materialized='table') }}

-- Rebuilt from scratch each time: the transcript that an event belongs to may arrive after it.
with events as (
    select
        *,
        -- A hook registered twice, by the plugin and in the settings, records the same event of a call twice.
        -- Runs start and end again when they are resumed.
        case
            when hook_event in ('SubagentStart', 'SubagentStop') then event_id
            when event_kind = 'hook' or tool_use_id is not null
                then {{ surrogate_key([
                    'event_kind', 'session_id', 'tool_use_id', 'prompt_id', 'payload', 'metadata'
                ]) }}
            else event_id
        end as thing
    from {{ ref('stg_events__event') }}
    where
        event_kind in (
            'feedback', 'task_outcome', 'decision', 'validation', 'test_run', 'quality_measurement',
            'work_item', 'claim', 'handoff', 'strategy_outcome', 'dependency_check', 'retrieval', 'component',
            'skill_load', 'forecast', 'provider_usage'
        )
        or (hook_event in ('SubagentStart', 'SubagentStop') and agent_type is not null)
        or hook_event in ('TeammateIdle', 'TaskCreated', 'TaskCompleted')
        or (hook_event = 'UserPromptExpansion' and {{ feedback_type('payload.command_name') }} is not null)
),

ranked as (
    select *, row_number() over (partition by thing order by occurred_at, event_id) as recording_number
    from events
),

things as (
    select * from ranked
    where recording_number = 1
),

turns as (
    select * from {{ ref('int_turn') }}
),

prompt_names as (
    select turn_id as prompt_name, session_id, turn_id, turn_number from turns
    union
    select client_prompt_id, session_id, turn_id, turn_number from turns
    where client_prompt_id is not null
),

-- A judgement may name a prompt of another session; any other event that names a prompt happened in its
-- session.
named_prompts as (
    select
        things.event_id,
        prompt_names.session_id,
        prompt_names.turn_id,
        row_number() over (
            partition by things.event_id
            order by
                prompt_names.session_id is distinct from things.session_id, prompt_names.session_id,
                prompt_names.turn_number
        ) as prompt_rank
    from things
    inner join prompt_names on prompt_names.prompt_name = things.prompt_id
    where
        things.session_id is null or things.event_kind = 'feedback'
        or prompt_names.session_id = things.session_id
),

calls as (
    select tool_use_id, session_id, actor, turn_id
    from {{ ref('int_tool_call') }}
),

placed as (
    select
        things.* exclude (session_id),
        things.session_id as given_session_id,
        coalesce(things.session_id, calls.session_id, named_prompts.session_id) as session_id,
        calls.tool_use_id as invocation_id,
        calls.actor as calling_actor,
        calls.turn_id as call_turn_id,
        named_prompts.turn_id as named_turn_id
    from things
    left join calls
        on calls.tool_use_id = things.tool_use_id
        and (things.session_id is null or calls.session_id = things.session_id)
    left join named_prompts on named_prompts.event_id = things.event_id and named_prompts.prompt_rank = 1
),

-- The turn in progress at that time.
timed as (
    select
        placed.event_id,
        turns.turn_id,
        row_number() over (
            partition by placed.event_id order by turns.prompted_at desc, turns.turn_number desc
        ) as turn_rank
    from placed
    inner join turns
        on turns.session_id = placed.session_id
        and turns.prompted_at <= placed.occurred_at
        and (turns.next_prompted_at is null or turns.next_prompted_at > placed.occurred_at)
),

agents as (
    select * from {{ ref('int_recorded_agent') }}
)

select
    placed.event_id,
    placed.event_kind,
    placed.hook_event,
    placed.session_id,
    placed.given_session_id,
    coalesce(agents.agent_id, case when placed.agent_name is null then actors.agent_id end) as agent_id,
    case
        when placed.agent_name is not null then agents.agent_run_id
        else actors.agent_run_id
    end as agent_run_id,
    case
        when placed.agent_name is not null then agents.actor
        else actors.actor
    end as actor,
    placed.agent_name,
    placed.agent_run_id as client_agent_id,
    turns.turn_id,
    case when not {{ is_local_prompt('turns.prompt_origin') }} then turns.turn_id end as turn_task_id,
    placed.named_turn_id is not null as is_prompt_named,
    placed.prompt_id as prompt_name,
    placed.invocation_id,
    placed.task_name,
    placed.occurred_at,
    coalesce(placed.payload.user_id, sessions.user_id) as user_id,
    sessions.project_path,
    placed.working_dir,
    placed.duration_ms,
    placed.error,
    placed.metadata,
    placed.payload,
    placed.source_path,
    placed.line_number as source_line,
    placed._batch_id
from placed
left join timed on timed.event_id = placed.event_id and timed.turn_rank = 1
left join agents
    on agents.session_id is not distinct from placed.given_session_id
    and agents.given_name = placed.agent_name
left join turns
    on turns.turn_id
    = coalesce(placed.named_turn_id, placed.call_turn_id, agents.turn_id, timed.turn_id)
left join {{ ref('int_session') }} as sessions on sessions.session_id = placed.session_id
left join {{ ref('int_actor') }} as actors
    on actors.session_id = placed.session_id and actors.actor = coalesce(placed.calling_actor, 'main')
