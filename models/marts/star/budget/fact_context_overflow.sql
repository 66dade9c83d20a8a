{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

-- Ends of contexts: compactions and micro-compactions as logged, and requests that did not fit.
with touched as {{ touched_sessions() }},

marks as (
    select
        lines.session_id,
        lines.actor,
        lines.line_uuid,
        lines.thread_position,
        lines.created_at,
        lines.source_path,
        lines.line_number,
        lines._batch_id,
        lines.context_end as overflow_type,
        coalesce(lines.compact_metadata.trigger, lines.microcompact_metadata.trigger) as overflow_trigger,
        coalesce(lines.compact_metadata.preTokens, lines.microcompact_metadata.preTokens) as logged_tokens,
        lines.compact_metadata.postTokens as tokens_kept,
        lines.microcompact_metadata.tokensSaved as logged_dropped_tokens
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    where lines.context_end is not null
),

-- One error can fill several lines.
overflows as (
    select
        *,
        row_number() over (
            partition by session_id, actor, overflow_type, created_at order by thread_position, line_uuid
        ) as copy_number
    from marks
),

responses as (
    select responses.*
    from {{ ref('int_context_response') }} as responses
    semi join touched on touched.session_id = responses.session_id
),

placed as (
    select
        overflows.*,
        {{ surrogate_key(['overflows.session_id', 'overflows.actor']) }} as thread_id,
        max(responses.response_number) filter (where responses.thread_position < overflows.thread_position)
            as previous_number,
        min(responses.response_number) filter (where responses.thread_position >= overflows.thread_position)
            as next_number
    from overflows
    left join responses on responses.session_id = overflows.session_id and responses.actor = overflows.actor
    where overflows.copy_number = 1
    group by all
),

dropped as (
    select
        placed.line_uuid,
        {{ text_list_json(surrogate_key(['pieces.component_type', 'pieces.component_name'])) }}
            as dropped_components,
        sum(pieces.tokens) as dropped_tokens,
        sum(pieces.tokens) filter (where pieces.item_kind = 'tool_result') as dropped_tool_result_tokens
    from placed
    inner join {{ ref('int_context_segment') }} as pieces
        on pieces.thread_id = placed.thread_id and pieces.left_response_number = placed.next_number - 1
    -- Whatever a micro-compaction keeps is placed again: it was not dropped.
    anti join {{ ref('int_context_segment') }} as standing
        on standing.segment_id = pieces.segment_id and standing.entered_response_number = placed.next_number
        and standing.first_response_number < placed.next_number
    where placed.overflow_type in ('compaction', 'micro_compaction')
    group by placed.line_uuid
),

-- The context window of the active model, as of that day.
windows as (
    select
        placed.line_uuid,
        max_by(windows.window_id, (windows.effective_date, windows.window_id)) as window_id,
        max_by(windows.max_tokens, (windows.effective_date, windows.window_id)) as max_tokens
    from placed
    inner join responses
        on responses.thread_id = placed.thread_id
        and responses.response_number = coalesce(placed.previous_number, placed.next_number)
    inner join {{ ref('dim_context_window') }} as windows
        on windows.model_name = responses.model_name
        and windows.effective_date <= cast(
            coalesce(placed.created_at, timestamp '2026-01-01 00:00:00') as date
        )
    group by placed.line_uuid
),

-- Compactions that only hooks have seen: their session has no transcript. The hook's reading of the context
-- before is recorded as a separate event, within the seconds that a hook may take.
hooked as (
    select
        compactions.event_id,
        compactions.session_id,
        compactions.received_at,
        compactions.payload.trigger as overflow_trigger,
        compactions.source_path,
        compactions.line_number,
        max(drops.payload.context_tokens) as context_tokens,
        min_by(drops.payload.components, (drops.received_at, drops.event_id)) as components
    from {{ touched_rows(ref('stg_events__event')) }} as compactions
    left join {{ touched_rows(ref('stg_events__event')) }} as drops
        on drops.event_kind = 'context_drop' and drops.session_id = compactions.session_id
        and drops.received_at between compactions.received_at
        and compactions.received_at + interval 10 second
    anti join {{ ref('int_line') }} as lines on lines.session_id = compactions.session_id
    where compactions.hook_event = 'PreCompact'
    group by all
),

listed as (
    select
        event_id,
        {{ text_list_json(surrogate_key(['component.component_type', 'component.component_name'])) }}
            as dropped_components,
        sum(component.tokens) as dropped_tokens
    from {{ explode('hooked', 'components', 'component', 'component_number') }} as exploded
    group by event_id
)

select
    placed.line_uuid as overflow_id,
    placed.session_id,
    actors.agent_id,
    actors.agent_run_id,
    next_responses.response_id as next_call_id,
    windows.window_id,
    placed.created_at as overflowed_at,
    placed.overflow_type,
    placed.overflow_trigger,
    dropped.dropped_components,
    'observed' as provenance,
    placed.overflow_type = 'compaction' as compact_triggered,
    cast(coalesce(placed.logged_tokens, previous_responses.context_tokens) as bigint) as tokens_at_overflow,
    cast(windows.max_tokens as bigint) as window_tokens,
    cast(coalesce(dropped.dropped_tokens, placed.logged_dropped_tokens) as bigint) as dropped_tokens,
    cast(coalesce(dropped.dropped_tool_result_tokens, 0) as bigint) as dropped_tool_result_tokens,
    cast(placed.tokens_kept as bigint) as tokens_kept,
    cast(next_responses.context_tokens as bigint) as next_context_tokens,
    placed.source_path as _source_path,
    placed.line_number as _source_line,
    placed._batch_id
from placed
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = placed.session_id and actors.actor = placed.actor
left join responses as previous_responses
    on previous_responses.thread_id = placed.thread_id
    and previous_responses.response_number = placed.previous_number
left join responses as next_responses
    on next_responses.thread_id = placed.thread_id and next_responses.response_number = placed.next_number
left join windows on windows.line_uuid = placed.line_uuid
left join dropped on dropped.line_uuid = placed.line_uuid
union all
select
    hooked.event_id,
    hooked.session_id,
    actors.agent_id,
    actors.agent_run_id,
    cast(null as varchar),
    cast(null as varchar),
    hooked.received_at,
    'compaction',
    hooked.overflow_trigger,
    listed.dropped_components,
    'recorded',
    true,
    cast(hooked.context_tokens as bigint),
    cast(null as bigint),
    cast(listed.dropped_tokens as bigint),
    cast(null as bigint),
    cast(null as bigint),
    cast(null as bigint),
    hooked.source_path,
    hooked.line_number,
    touched._batch_id
from hooked
inner join touched on touched.session_id = hooked.session_id
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = hooked.session_id and actors.actor = 'main'
left join listed on listed.event_id = hooked.event_id
