{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

-- After a micro-compaction, everything above the base except the cleared results is placed again in the old
-- order: remaining items keep their measured tokens, new items get their length, scaled to fill the context.
with touched as {{ touched_sessions() }},

responses as (
    select *
    from {{ ref('int_context_response') }} as int_context_response
    semi join touched on touched.session_id = int_context_response.session_id
),

clearings as (
    select
        responses.thread_id,
        responses.session_id,
        responses.response_number,
        responses.cleared_tool_use_count,
        entries.cut_position,
        entries.context_tokens,
        entries.entered_tokens,
        max(starts.response_number) as stretch_number
    from responses
    inner join responses as starts
        on starts.thread_id = responses.thread_id and starts.response_number < responses.response_number
        and starts.context_change in ('start', 'compaction')
    inner join {{ ref('int_context_entry') }} as entries
        on entries.thread_id = responses.thread_id and entries.response_number = responses.response_number
    where responses.context_change = 'micro_compaction'
    group by all
),

cleared_calls as (
    select
        thread_id,
        response_number,
        tool_use_id
    from {{ explode(
        "(select * from responses where context_change = 'micro_compaction')", 'cleared_tool_use_ids',
        'tool_use_id', 'call_number'
    ) }} as exploded
),

-- When the API clears results, it clears the oldest ones since the conversation began or was compacted.
ranked_results as (
    select
        clearings.thread_id,
        clearings.response_number,
        items.item_id,
        clearings.cleared_tool_use_count,
        row_number() over (
            partition by clearings.thread_id, clearings.response_number
            order by items.thread_position, items.block_number, items.item_id
        ) as result_number
    from clearings
    inner join {{ ref('int_context_item') }} as items
        on items.thread_id = clearings.thread_id and items.item_kind = 'tool_result'
        and items.entered_response_number between clearings.stretch_number and clearings.response_number
    where clearings.cleared_tool_use_count > 0
),

standing as (
    select
        clearings.thread_id,
        clearings.session_id,
        clearings.response_number,
        clearings.cut_position,
        clearings.entered_tokens,
        items.item_id,
        items.item_kind,
        items.component_type,
        items.component_name,
        items.tool_use_id,
        items.file_path,
        items.line_uuid,
        items.entered_response_number,
        items.is_output,
        items.thread_position,
        items.block_number,
        items.characters,
        cast(null as bigint) as start_position,
        cast(null as bigint) as measured_tokens,
        cast(null as varchar) as allocation_method,
        items.weight / bases.characters_per_token as tokens
    from clearings
    inner join {{ ref('int_thread_base') }} as bases on bases.thread_id = clearings.thread_id
    inner join {{ ref('int_context_item') }} as items
        on items.thread_id = clearings.thread_id
        and items.entered_response_number between clearings.stretch_number + 1 and clearings.response_number
    inner join responses as entered
        on entered.thread_id = items.thread_id and entered.response_number = items.entered_response_number
        and entered.context_change = 'micro_compaction'
    union all
    select
        clearings.thread_id,
        clearings.session_id,
        clearings.response_number,
        clearings.cut_position,
        clearings.entered_tokens,
        segments.segment_id,
        segments.item_kind,
        segments.component_type,
        segments.component_name,
        segments.tool_use_id,
        segments.file_path,
        segments.line_uuid,
        segments.entered_response_number,
        false,
        0,
        0,
        segments.characters,
        segments.start_position,
        segments.segment_tokens,
        segments.allocation_method,
        segments.segment_tokens
    from clearings
    inner join {{ ref('int_entered_segment') }} as segments
        on segments.thread_id = clearings.thread_id
        and segments.entered_response_number between clearings.stretch_number and clearings.response_number
        - 1
    -- Items that a rewind had already removed.
    anti join {{ ref('int_context_entry') }} as shrinks
        on shrinks.thread_id = segments.thread_id and shrinks.context_change = 'shrink'
        and shrinks.response_number > segments.entered_response_number
        and shrinks.response_number < clearings.response_number
        and shrinks.cut_position <= segments.start_position
),

kept as (
    select
        standing.*,
        sum(standing.tokens) over (partition by standing.thread_id, standing.response_number) as total_tokens,
        sum(standing.tokens) over (
            partition by standing.thread_id, standing.response_number
            order by
                standing.entered_response_number, standing.start_position, standing.is_output desc,
                standing.thread_position,
                standing.block_number, standing.item_id
            rows between unbounded preceding and current row
        ) as running_tokens
    from standing
    left join (
        select distinct
            cleared_calls.thread_id, later.response_number, cleared_calls.tool_use_id,
            cleared_calls.response_number as cleared_at
        from cleared_calls
        inner join clearings as later
            on later.thread_id = cleared_calls.thread_id
            and later.response_number >= cleared_calls.response_number
    ) as gone_calls
        on gone_calls.thread_id = standing.thread_id and gone_calls.response_number = standing.response_number
        and gone_calls.tool_use_id = standing.tool_use_id
        and gone_calls.cleared_at > standing.entered_response_number
    left join ranked_results
        on ranked_results.thread_id = standing.thread_id
        and ranked_results.response_number = standing.response_number
        and ranked_results.item_id = standing.item_id
        and ranked_results.result_number <= ranked_results.cleared_tool_use_count
    where
        standing.tokens > 0
        and not (standing.item_kind = 'tool_result' and gone_calls.tool_use_id is not null)
        and ranked_results.item_id is null
),

placed as (
    select
        *,
        cut_position
        + cast(round(entered_tokens * (running_tokens - tokens) / total_tokens) as bigint)
            as new_start_position,
        cut_position
        + cast(round(entered_tokens * running_tokens / total_tokens) as bigint) as new_end_position
    from kept
),

segments as (
    select
        item_id as segment_id,
        thread_id,
        session_id,
        item_kind,
        component_type,
        component_name,
        tool_use_id,
        file_path,
        line_uuid,
        coalesce(allocation_method, 'estimated') as allocation_method,
        response_number as entered_response_number,
        entered_response_number as first_response_number,
        new_start_position as start_position,
        new_end_position as end_position,
        coalesce(
            measured_tokens,
            case
                when response_number = entered_response_number then new_end_position - new_start_position
                else 0
            end
        ) as segment_tokens,
        characters
    from placed
    union all
    -- The content left by this micro-compaction is unknown.
    select
        {{ surrogate_key(['clearings.thread_id', 'clearings.response_number', "'unlogged'"]) }},
        clearings.thread_id,
        clearings.session_id,
        'unlogged',
        'system_prompt',
        'unlogged',
        null,
        null,
        null,
        'estimated',
        clearings.response_number,
        clearings.response_number,
        clearings.cut_position,
        clearings.context_tokens,
        clearings.entered_tokens,
        0
    from clearings
    anti join placed
        on placed.thread_id = clearings.thread_id and placed.response_number = clearings.response_number
    where clearings.entered_tokens > 0
)

select
    segments.*,
    touched._batch_id
from segments
inner join touched on touched.session_id = segments.session_id
