{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns') }}

-- The positions that every item takes in the context of its thread, as a stack: an item is laid on top when it enters; a
-- compaction, a rewind or dropped thinking takes from the top down to a cut. A segment lives over a range of responses.
with touched as {{ touched_sessions() }},

responses as (
    select *
    from {{ ref('int_context_response') }} as int_context_response
    semi join touched on touched.session_id = int_context_response.session_id
),

threads as (
    select
        thread_id,
        session_id,
        actor,
        max(response_number) as last_response_number
    from responses
    group by all
),

items as (
    select items.*
    from {{ ref('int_context_item') }} as items
    semi join touched on touched.session_id = items.session_id
    inner join threads on threads.thread_id = items.thread_id and items.entered_response_number <= threads.last_response_number
),

entry_weights as (
    select
        thread_id,
        entered_response_number,
        sum(weight) as weight,
        sum(weight) filter (where not is_output) as input_weight,
        sum(image_count) as image_count,
        count(*) filter (where is_output) as output_count,
        count(*) filter (where not is_output) as input_count
    from items
    group by all
),

-- Characters to tokens as the thread itself measured it, on what came in while its context grew: nearer than one rate for
-- all, though prose and listings still differ from tool results by up to 30 %. A thread that measured too little gets the
-- one rate.
growths as (
    select
        responses.thread_id,
        responses.context_tokens - responses.previous_context_tokens
        - case when responses.was_previous_final and entry_weights.output_count > 0 then responses.previous_output_tokens else 0 end
            as tokens,
        case when responses.was_previous_final then entry_weights.input_weight else entry_weights.weight end as weight
    from responses
    inner join entry_weights
        on entry_weights.thread_id = responses.thread_id and entry_weights.entered_response_number = responses.response_number
    where
        responses.context_change = 'growth' and not responses.is_iterated
        and entry_weights.input_count > 0 and entry_weights.image_count = 0
),

measured_rates as (
    select
        thread_id,
        cast(sum(weight) as double) / sum(tokens) as characters_per_token
    from growths
    where tokens > 0
    group by thread_id
    having
        sum(tokens) >= {{ var('ledger_rate_tokens') }}
        and sum(weight) between {{ var('ledger_rate_lowest') }} * sum(tokens) and {{ var('ledger_rate_highest') }} * sum(tokens)
),

rates as (
    select
        threads.thread_id,
        coalesce(measured_rates.characters_per_token, {{ var('characters_per_token') }}) as characters_per_token,
        case
            when measured_rates.thread_id is null then {{ var('leftover_text_ratio') }} else {{ var('leftover_text_ratio_measured') }}
        end as leftover_text_ratio
    from threads
    left join measured_rates on measured_rates.thread_id = threads.thread_id
),

-- The base of a thread: the system prompt and the tools. What the first response read from a cache is exactly that, for
-- another session wrote it; a cold start leaves what the logged texts do not explain.
bases as (
    select
        responses.thread_id,
        case
            when responses.cache_read_tokens > 0 then responses.cache_read_tokens
            else greatest(
                responses.context_tokens - cast(round(coalesce(entry_weights.weight, 0) / rates.characters_per_token) as bigint), 0
            )
        end as base_tokens,
        responses.cache_read_tokens > 0 as is_measured,
        coalesce(entry_weights.weight, 0) <= rates.leftover_text_ratio * responses.context_tokens * rates.characters_per_token
            as is_mostly_base,
        rates.characters_per_token,
        rates.leftover_text_ratio
    from responses
    inner join rates on rates.thread_id = responses.thread_id
    left join entry_weights
        on entry_weights.thread_id = responses.thread_id and entry_weights.entered_response_number = 1
    where responses.response_number = 1
),

-- Where each response's new items begin (the cut), and how much of the growth is the previous answer.
entries as (
    select
        responses.thread_id,
        responses.session_id,
        responses.response_number,
        responses.context_change,
        responses.context_tokens,
        responses.previous_context_tokens,
        responses.is_iterated,
        responses.was_previous_final,
        responses.previous_output_tokens,
        least(bases.base_tokens, responses.context_tokens) as base_tokens,
        bases.is_measured or bases.is_mostly_base as is_base_known,
        bases.characters_per_token,
        bases.leftover_text_ratio,
        coalesce(entry_weights.weight, 0) as logged_weight,
        coalesce(entry_weights.output_count, 0) as output_count,
        coalesce(entry_weights.input_count, 0) as input_count,
        case responses.context_change
            when 'start' then least(bases.base_tokens, responses.context_tokens)
            when 'compaction' then least(bases.base_tokens, responses.context_tokens, responses.previous_context_tokens)
            when 'shrink' then greatest(
                least(bases.base_tokens, responses.context_tokens),
                responses.context_tokens
                - cast(round(coalesce(entry_weights.weight, 0) / bases.characters_per_token) as bigint)
            )
            else responses.previous_context_tokens
        end as cut_position
    from responses
    inner join bases on bases.thread_id = responses.thread_id
    left join entry_weights
        on entry_weights.thread_id = responses.thread_id and entry_weights.entered_response_number = responses.response_number
),

split as (
    select
        *,
        context_tokens - cut_position as entered_tokens,
        case
            when context_change <> 'growth' or output_count = 0 then null
            when not was_previous_final or is_iterated then null
            when input_count = 0 then context_tokens - cut_position
            when previous_output_tokens <= context_tokens - cut_position then previous_output_tokens
        end as output_entered_tokens
    from entries
),

-- A start or a restart brings what no line shows: root memory files, the environment, what a compaction kept. It is
-- what the logged texts leave over.
present_items as (
    select
        item_id, thread_id, session_id, thread_position, block_number, line_uuid, entered_response_number, is_output, item_kind,
        component_type, component_name, tool_use_id, file_path, characters, weight
    from items
    union all
    select
        {{ surrogate_key(['thread_id', 'response_number', "'unlogged'"]) }} as item_id,
        thread_id,
        session_id,
        cast(-1 as bigint) as thread_position,
        0 as block_number,
        cast(null as varchar) as line_uuid,
        response_number as entered_response_number,
        false as is_output,
        'unlogged' as item_kind,
        'system_prompt' as component_type,
        case context_change when 'start' then 'memory_and_environment' else 'kept_by_compaction' end as component_name,
        cast(null as varchar) as tool_use_id,
        cast(null as varchar) as file_path,
        cast(0 as bigint) as characters,
        entered_tokens * characters_per_token - logged_weight as weight
    from split
    where
        context_change in ('start', 'compaction')
        and entered_tokens * characters_per_token > logged_weight + 500 * characters_per_token
),

weighted as (
    select
        items.*,
        split.context_change,
        split.cut_position,
        split.entered_tokens,
        split.output_entered_tokens,
        split.output_count,
        split.input_count,
        split.is_iterated,
        split.is_base_known,
        split.leftover_text_ratio,
        -- With the previous answer measured apart the two groups share their own parts, else all share one.
        case when split.output_entered_tokens is null then 'all' when items.is_output then 'output' else 'input' end as share_group
    from present_items as items
    inner join split
        on split.thread_id = items.thread_id and split.response_number = items.entered_response_number
),

running as (
    select
        *,
        sum(weight) over (partition by thread_id, entered_response_number, share_group) as group_weight,
        coalesce(sum(weight) filter (where item_kind = 'unlogged') over (
            partition by thread_id, entered_response_number, share_group
        ), 0) as unlogged_weight,
        sum(weight) over (
            partition by thread_id, entered_response_number, share_group
            order by is_output desc, thread_position, block_number, item_id
            rows between unbounded preceding and current row
        ) as running_weight,
        count(*) over (partition by thread_id, entered_response_number, share_group) as group_count
    from weighted
),

placed as (
    select
        *,
        cut_position + case when share_group = 'input' then output_entered_tokens else 0 end as group_start,
        case share_group
            when 'all' then entered_tokens
            when 'output' then output_entered_tokens
            else entered_tokens - output_entered_tokens
        end as group_tokens
    from running
),

item_segments as (
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
        entered_response_number,
        group_start + cast(round(group_tokens * (running_weight - weight) / group_weight) as bigint) as start_position,
        group_start + cast(round(group_tokens * running_weight / group_weight) as bigint) as end_position,
        characters,
        case
            -- What a start leaves over is a measured total less a little text: as good as a share by length.
            when
                item_kind = 'unlogged' and not is_iterated
                and group_weight - weight <= leftover_text_ratio * group_weight then 'proportional'
            -- And logged texts share what lies above a known base by length, as long as little else entered with them.
            when
                item_kind <> 'unlogged' and not is_iterated and context_change in ('start', 'compaction') and is_base_known
                and unlogged_weight <= {{ var('leftover_text_ratio') }} * group_weight then 'proportional'
            when context_change in ('start', 'compaction', 'shrink') or is_iterated then 'estimated'
            when group_count = 1 then 'direct'
            else 'proportional'
        end as allocation_method
    from placed
),

-- What grew without anything in the log that could have grown it.
unlogged_segments as (
    select
        {{ surrogate_key(['thread_id', 'response_number', "'unlogged'"]) }} as segment_id,
        thread_id,
        session_id,
        'unlogged' as item_kind,
        'system_prompt' as component_type,
        'unlogged' as component_name,
        cast(null as varchar) as tool_use_id,
        cast(null as varchar) as file_path,
        cast(null as varchar) as line_uuid,
        response_number as entered_response_number,
        cut_position as start_position,
        context_tokens as end_position,
        cast(0 as bigint) as characters,
        'estimated' as allocation_method
    from split
    where
        output_count + input_count = 0 and entered_tokens > 0
        and not exists (
            select 1 from present_items
            where present_items.thread_id = split.thread_id and present_items.entered_response_number = split.response_number
        )
),

-- The newest clients log the shape of their requests: system texts and tool definitions, by which the base is split.
shapes as (
    select
        thread_id,
        part_number,
        component_type,
        component_name,
        sum(characters) over (partition by thread_id) as total_characters,
        sum(characters) over (partition by thread_id order by part_number rows between unbounded preceding and current row)
            as running_characters,
        characters
    from (
        select
            {{ surrogate_key(['shapes.session_id', "'main'"]) }} as thread_id,
            shapes.part_number,
            shapes.component_type,
            shapes.component_name,
            shapes.characters
        from {{ ref('stg_transcripts__request_shape') }} as shapes
        semi join touched on touched.session_id = shapes.session_id
        where shapes.is_first_of_session
    ) as first_shapes
),

base_segments as (
    select
        {{ surrogate_key(['bases.thread_id', "coalesce(shapes.part_number, 0)", "'base'"]) }} as segment_id,
        bases.thread_id,
        threads.session_id,
        case when coalesce(shapes.component_type, 'system_prompt') = 'system_prompt' then 'base' else 'tool_definition' end as item_kind,
        case
            when sessions.forked_from_session_id is not null and threads.actor = 'main' then 'system_prompt'
            else coalesce(shapes.component_type, 'system_prompt')
        end as component_type,
        case
            when sessions.forked_from_session_id is not null and threads.actor = 'main' then 'inherited_context'
            else coalesce(shapes.component_name, 'system_prompt')
        end as component_name,
        cast(null as varchar) as tool_use_id,
        cast(null as varchar) as file_path,
        cast(null as varchar) as line_uuid,
        cast(1 as bigint) as entered_response_number,
        cast(round(bases.base_tokens * coalesce((shapes.running_characters - shapes.characters) / shapes.total_characters, 0)) as bigint)
            as start_position,
        cast(round(bases.base_tokens * coalesce(shapes.running_characters / shapes.total_characters, 1)) as bigint) as end_position,
        cast(coalesce(shapes.characters, 0) as bigint) as characters,
        case
            when not bases.is_measured and not bases.is_mostly_base then 'estimated'
            when not bases.is_measured then 'proportional'
            when shapes.thread_id is not null then 'proportional'
            else 'direct'
        end as allocation_method
    from bases
    inner join threads on threads.thread_id = bases.thread_id
    inner join {{ ref('int_session') }} as sessions on sessions.session_id = threads.session_id
    left join shapes on shapes.thread_id = bases.thread_id and shapes.total_characters > 0
    where bases.base_tokens > 0
),

-- A start without any logged text above a measured base.
laid as (
    select * from item_segments
    union all
    select * from unlogged_segments
    union all
    select * from base_segments
),

cuts as (
    select
        thread_id,
        response_number,
        cut_position
    from split
    where cut_position < previous_context_tokens
),

-- A segment that a compaction takes off whole is not looked at again: else the work would grow with the square of their number.
next_compactions as (
    select
        split.thread_id,
        split.response_number,
        cuts.response_number as compacted_response_number,
        cuts.cut_position as compacted_position
    from (
        select
            thread_id,
            response_number,
            min(case when context_change = 'compaction' then response_number end) over (
                partition by thread_id order by response_number rows between 1 following and unbounded following
            ) as next_number
        from split
    ) as split
    inner join cuts on cuts.thread_id = split.thread_id and cuts.response_number = split.next_number
),

-- Each cut below a segment's top takes off a piece; what stays under all cuts lives to the end of the thread.
levels as (
    select
        laid.segment_id,
        laid.start_position,
        laid.end_position,
        cuts.response_number,
        least(
            laid.end_position,
            coalesce(
                min(cuts.cut_position) over (
                    partition by laid.segment_id order by cuts.response_number rows between unbounded preceding and 1 preceding
                ),
                laid.end_position
            )
        ) as level_before,
        least(laid.end_position, min(cuts.cut_position) over (
            partition by laid.segment_id order by cuts.response_number rows between unbounded preceding and current row
        )) as level_after
    from laid
    left join next_compactions
        on next_compactions.thread_id = laid.thread_id and next_compactions.response_number = laid.entered_response_number
        and next_compactions.compacted_position <= laid.start_position
    inner join cuts
        on cuts.thread_id = laid.thread_id and cuts.response_number > laid.entered_response_number
        and cuts.cut_position < laid.end_position
        and (next_compactions.thread_id is null or cuts.response_number <= next_compactions.compacted_response_number)
),

pieces as (
    select
        segment_id,
        greatest(start_position, level_after) as start_position,
        level_before as end_position,
        response_number - 1 as left_response_number
    from levels
    where level_before > greatest(start_position, level_after)
    union all
    select
        laid.segment_id,
        laid.start_position,
        least(laid.end_position, coalesce(floors.level_after, laid.end_position)) as end_position,
        threads.last_response_number as left_response_number
    from laid
    inner join threads on threads.thread_id = laid.thread_id
    left join (select segment_id, min(level_after) as level_after from levels group by segment_id) as floors
        on floors.segment_id = laid.segment_id
    where least(laid.end_position, coalesce(floors.level_after, laid.end_position)) > laid.start_position
)

select
    {{ surrogate_key(['pieces.segment_id', 'pieces.start_position']) }} as piece_id,
    laid.segment_id,
    laid.thread_id,
    laid.session_id,
    laid.item_kind,
    laid.component_type,
    laid.component_name,
    laid.tool_use_id,
    laid.file_path,
    laid.line_uuid,
    laid.allocation_method,
    laid.entered_response_number,
    pieces.left_response_number,
    pieces.start_position,
    pieces.end_position,
    pieces.end_position - pieces.start_position as tokens,
    laid.end_position - laid.start_position as segment_tokens,
    laid.characters,
    touched._batch_id
from pieces
inner join laid on laid.segment_id = pieces.segment_id
inner join touched on touched.session_id = laid.session_id
