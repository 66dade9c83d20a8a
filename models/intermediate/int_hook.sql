{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['tool_input']) }}

with touched as {{ touched_sessions() }},

-- The client gives every line of a turn the id of its prompt. If a prompt was rewritten, the first version
-- has the id.
turns as (
    select
        session_id,
        client_prompt_id,
        min_by(turn_id, (thread_position, turn_id)) as turn_id
    from {{ touched_rows(ref('int_prompt')) }} as prompts
    where client_prompt_id is not null
    group by session_id, client_prompt_id
),

-- A hook registered twice, by the plugin and in the settings, records the same event twice at the same time.
hooks as (
    select
        *,
        coalesce(
            received_at - lag(received_at) over same_event
            <= to_milliseconds({{ var('same_hook_ms', 200) }}), false
        ) as is_repeated
    from {{ touched_rows(ref('stg_events__event')) }} as events
    where event_kind = 'hook'
    window same_event as (
        partition by session_id, hook_event, tool_use_id, tool_input_hash, payload
        order by received_at, event_id
    )
)

select
    events.event_id,
    events.session_id,
    -- A run whose transcript is missing has no row of its own.
    coalesce(actors.actor, 'main') as actor,
    turns.turn_id,
    events.tool_use_id,
    events.prompt_id as client_prompt_id,
    events.hook_event,
    events.received_at,
    events.agent_type,
    events.working_dir,
    events.tool_name,
    events.tool_input_hash,
    events.tool_input,
    events.duration_ms,
    events.error,
    events.payload,
    events.host,
    events.source_path,
    events.line_number as source_line,
    touched._batch_id
from hooks as events
inner join touched on touched.session_id = events.session_id
left join turns on turns.session_id = events.session_id and turns.client_prompt_id = events.prompt_id
left join {{ ref('int_actor') }} as actors
    on actors.session_id = events.session_id and actors.actor = events.agent_run_id
where not events.is_repeated
