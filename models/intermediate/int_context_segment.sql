{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns') }}

{#-
    What a thread's start leaves over after its logged texts counts as measured while the texts, whose length is only
    converted, are at most this share of it: their error of a third then moves it by at most a fifteenth.
#}
{%- set leftover_text_ratio = var('leftover_text_ratio', 0.2) %}
{#-
    The same where the thread itself measured its characters per token. That rate comes from what enters later,
    mostly tool results. The texts of a start differ from it by up to 30 % (3.0 characters a token against 2.6 with
    opus-5 on 2.1.220, 4.3 against 3.3 with opus-4-6 on 2.0.67: slopes over sessions that differ in nothing else).
#}
{%- set leftover_text_ratio_measured = var('leftover_text_ratio_measured', 0.3) %}

-- The positions that every item takes in the context of its thread, as a stack: an item is laid on top when it enters; a
-- compaction, a rewind or dropped thinking takes from the top down to a cut; a micro-compaction takes results out of the
-- middle, and what stays is laid anew. A segment lives over a range of responses.
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
        sum(case when is_length_known then 0 else 1 end) as unknown_count,
        count(*) filter (where is_output) as output_count,
        count(*) filter (where not is_output) as input_count,
        count(*) filter (where item_kind = 'compaction_summary') as summary_count
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
        and entry_weights.input_count > 0 and entry_weights.image_count = 0 and entry_weights.unknown_count = 0
),

measured_rates as (
    select
        thread_id,
        cast(sum(weight) as double) / sum(tokens) as characters_per_token
    from growths
    where tokens > 0
    group by thread_id
    having
        -- Of the threads with so much growth nine out of ten are between 2.1 and 4.4 characters a token.
        sum(tokens) >= {{ var('ledger_rate_tokens', 5000) }}
        and sum(weight) between {{ var('ledger_rate_lowest', 1.5) }} * sum(tokens) and {{ var('ledger_rate_highest', 6) }} * sum(tokens)
),

rates as (
    select
        threads.thread_id,
        coalesce(measured_rates.characters_per_token, {{ var('characters_per_token') }}) as characters_per_token,
        case
            when measured_rates.thread_id is null then {{ leftover_text_ratio }} else {{ leftover_text_ratio_measured }}
        end as leftover_text_ratio
    from threads
    left join measured_rates on measured_rates.thread_id = threads.thread_id
),

-- Where a thread goes on from a conversation that its lines do not hold, the base is that conversation.
origins as (
    select
        threads.thread_id,
        case when coalesce(entry_weights.summary_count, 0) > 0 then 'own' else coalesce(thread_origins.origin, 'own') end as origin,
        -- With some early subagents the prompt is not in the log, and a copy that begins with a compaction does not show what
        -- that kept: a base that is what the texts leave over holds these too.
        coalesce(thread_origins.is_answer_first, false) or coalesce(entry_weights.summary_count, 0) > 0 as is_mixed,
        coalesce(entry_weights.summary_count, 0) > 0 as begins_compacted
    from threads
    left join {{ ref('int_thread_origin') }} as thread_origins on thread_origins.thread_id = threads.thread_id
    left join entry_weights on entry_weights.thread_id = threads.thread_id and entry_weights.entered_response_number = 1
),

-- What a thread still reads from the cache after a compaction: the base, and at most the memory files behind it.
restarts as (
    select
        thread_id,
        min(cache_read_tokens) as read_tokens
    from responses
    where context_change = 'compaction' and cache_read_tokens > 0
    group by thread_id
),

-- The base of a thread: the system prompt and the tools. What the first response read from a cache is exactly that, for
-- another session wrote it; a cold start leaves what the logged texts do not explain, and no more than a restart read.
bases as (
    select
        responses.thread_id,
        case
            when responses.cache_read_tokens > 0 then responses.cache_read_tokens
            else least(restarts.read_tokens, greatest(
                responses.context_tokens - cast(round(coalesce(entry_weights.weight, 0) / rates.characters_per_token) as bigint), 0
            ))
        end as base_tokens,
        responses.cache_read_tokens > 0 as is_measured,
        restarts.read_tokens is not null as is_bounded,
        coalesce(entry_weights.weight, 0) <= rates.leftover_text_ratio * responses.context_tokens * rates.characters_per_token
            as is_mostly_base,
        rates.characters_per_token,
        rates.leftover_text_ratio
    from responses
    inner join rates on rates.thread_id = responses.thread_id
    left join restarts on restarts.thread_id = responses.thread_id
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
        bases.is_measured or bases.is_bounded or bases.is_mostly_base as is_base_known,
        bases.characters_per_token,
        bases.leftover_text_ratio,
        coalesce(entry_weights.weight, 0) as logged_weight,
        coalesce(entry_weights.output_count, 0) as output_count,
        coalesce(entry_weights.input_count, 0) as input_count,
        coalesce(entry_weights.unknown_count, 0) as unknown_count,
        case responses.context_change
            when 'start' then least(bases.base_tokens, responses.context_tokens)
            when 'compaction' then least(bases.base_tokens, responses.context_tokens, responses.previous_context_tokens)
            when 'micro_compaction' then least(bases.base_tokens, responses.context_tokens, responses.previous_context_tokens)
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

-- What each group of items that entered together has to share. With the previous answer measured apart there are two groups:
-- its own blocks and the rest.
grouped as (
    select
        items.*,
        case when split.output_entered_tokens is null then 'all' when items.is_output then 'output' else 'input' end as share_group
    from items
    inner join split
        on split.thread_id = items.thread_id and split.response_number = items.entered_response_number
        and split.context_change <> 'micro_compaction'
),

groups as (
    select
        grouped.thread_id,
        grouped.entered_response_number,
        grouped.share_group,
        split.session_id,
        split.context_change,
        split.is_iterated,
        split.is_base_known,
        split.leftover_text_ratio,
        origins.origin,
        origins.begins_compacted,
        sum(grouped.weight) as logged_weight,
        count(*) as logged_count,
        count(*) filter (where not grouped.is_length_known) as unknown_count,
        count(*) filter (where grouped.item_kind = 'tool_definition') as definition_count,
        coalesce(sum(grouped.weight) filter (where not grouped.is_length_known), 0) as unknown_weight,
        max(split.cut_position + case when grouped.share_group = 'input' then split.output_entered_tokens else 0 end) as group_start,
        max(case grouped.share_group
            when 'all' then split.entered_tokens
            when 'output' then split.output_entered_tokens
            else split.entered_tokens - split.output_entered_tokens
        end) as group_tokens,
        max(split.characters_per_token) as characters_per_token
    from grouped
    inner join split on split.thread_id = grouped.thread_id and split.response_number = grouped.entered_response_number
    inner join origins on origins.thread_id = grouped.thread_id
    group by all
    union all
    -- A start without any logged text above a measured base.
    select
        split.thread_id,
        split.response_number as entered_response_number,
        'all' as share_group,
        split.session_id,
        split.context_change,
        split.is_iterated,
        split.is_base_known,
        split.leftover_text_ratio,
        origins.origin,
        origins.begins_compacted,
        0 as logged_weight,
        0 as logged_count,
        0 as unknown_count,
        0 as definition_count,
        0 as unknown_weight,
        split.cut_position as group_start,
        split.entered_tokens as group_tokens,
        split.characters_per_token
    from split
    inner join origins on origins.thread_id = split.thread_id
    where split.output_count + split.input_count = 0 and split.entered_tokens > 0 and split.context_change <> 'micro_compaction'
),

-- What a group holds beyond its logged texts. A start or a restart brings what no line shows: root memory files, the
-- environment, what a compaction kept. In the middle of a thread it is given to the items whose length the log does not
-- tell (tools that a search loaded; pictures); without such an item a surplus so large that text cannot explain it is
-- nobody's: thinking that the log leaves out, a reminder.
surpluses as (
    select
        *,
        group_tokens * characters_per_token - logged_weight as leftover_weight,
        case
            when logged_count = 0 then 'unlogged'
            when context_change in ('start', 'compaction')
                then case when group_tokens * characters_per_token > logged_weight + 500 * characters_per_token then 'unlogged' end
            when context_change <> 'growth' or share_group = 'output' then null
            when definition_count > 0 and group_tokens * characters_per_token > logged_weight then 'definitions'
            when group_tokens * {{ var('characters_per_token') }} <= {{ var('ledger_disagreement_factor') }} * logged_weight then null
            when unknown_count > 0 then 'pictures'
            else 'unlogged'
        end as surplus_kind
    from groups
),

-- What the client counted of a start, laid out from position 0; the first of it is the base.
counted_parts as (
    select
        *,
        sum(tokens) over part_order - tokens as start_tokens,
        sum(tokens) over part_order as end_tokens
    from {{ ref('int_base_part') }} as int_base_part
    semi join touched on touched.session_id = int_base_part.session_id
    where tokens is not null
    window part_order as (partition by thread_id order by part_number, part_id rows between unbounded preceding and current row)
),

-- And of that what lies above the base, as far as something is left over there.
counted_surpluses as (
    select
        surpluses.thread_id,
        counted_parts.part_id,
        counted_parts.part_number,
        counted_parts.item_kind,
        counted_parts.component_type,
        counted_parts.component_name,
        counted_parts.file_path,
        counted_parts.characters,
        surpluses.session_id,
        surpluses.entered_response_number,
        surpluses.share_group,
        case
            when
                counted_parts.is_counted and counted_parts.start_tokens >= surpluses.group_start
                and counted_parts.end_tokens <= surpluses.group_start + surpluses.leftover_weight / surpluses.characters_per_token
                then 'direct'
            else 'proportional'
        end as counted_method,
        surpluses.characters_per_token * (
            least(counted_parts.end_tokens, surpluses.group_start + surpluses.leftover_weight / surpluses.characters_per_token)
            - greatest(counted_parts.start_tokens, surpluses.group_start)
        ) as weight
    from surpluses
    inner join counted_parts on counted_parts.thread_id = surpluses.thread_id and counted_parts.end_tokens > surpluses.group_start
    where
        surpluses.surplus_kind = 'unlogged' and surpluses.context_change = 'start'
        and counted_parts.start_tokens < surpluses.group_start + surpluses.leftover_weight / surpluses.characters_per_token
),

weighted as (
    select
        grouped.item_id,
        grouped.thread_id,
        grouped.session_id,
        grouped.thread_position,
        grouped.block_number,
        grouped.line_uuid,
        grouped.entered_response_number,
        grouped.share_group,
        grouped.is_output,
        grouped.item_kind,
        grouped.component_type,
        grouped.component_name,
        grouped.tool_use_id,
        grouped.file_path,
        grouped.characters,
        grouped.weight + case
            when surpluses.surplus_kind = 'definitions' and grouped.item_kind = 'tool_definition'
                then surpluses.leftover_weight / surpluses.definition_count
            when surpluses.surplus_kind = 'pictures' and not grouped.is_length_known
                then surpluses.leftover_weight * grouped.weight / surpluses.unknown_weight
            else 0
        end as weight,
        cast(null as varchar) as counted_method
    from grouped
    inner join surpluses
        on surpluses.thread_id = grouped.thread_id and surpluses.entered_response_number = grouped.entered_response_number
        and surpluses.share_group = grouped.share_group
    union all
    select
        {{ surrogate_key(['part_id', "'above the base'"]) }} as item_id,
        thread_id,
        session_id,
        -2 as thread_position,
        part_number as block_number,
        cast(null as varchar) as line_uuid,
        entered_response_number,
        share_group,
        false as is_output,
        item_kind,
        component_type,
        component_name,
        cast(null as varchar) as tool_use_id,
        file_path,
        characters,
        weight,
        counted_method
    from counted_surpluses
    union all
    select
        {{ surrogate_key(['surpluses.thread_id', 'surpluses.entered_response_number', "'unlogged'"]) }} as item_id,
        surpluses.thread_id,
        session_id,
        -- Before the texts of a start, after those that came in the middle.
        cast(case when context_change in ('start', 'compaction') then -1 else 9000000000000000 end as bigint) as thread_position,
        0 as block_number,
        cast(null as varchar) as line_uuid,
        entered_response_number,
        share_group,
        false as is_output,
        'unlogged' as item_kind,
        'system_prompt' as component_type,
        case
            when context_change = 'start' and origin <> 'own' then 'inherited_context'
            when logged_count = 0 then 'unlogged'
            when context_change = 'compaction' or context_change = 'start' and begins_compacted then 'kept_by_compaction'
            when context_change = 'start' then 'memory_and_environment'
            else 'unlogged'
        end as component_name,
        cast(null as varchar) as tool_use_id,
        cast(null as varchar) as file_path,
        cast(0 as bigint) as characters,
        case
            when known.weight is not null then leftover_weight - known.weight
            when logged_count = 0 then 1
            else leftover_weight
        end as weight,
        cast(null as varchar) as counted_method
    from surpluses
    left join (select thread_id, sum(weight) as weight from counted_surpluses group by thread_id) as known
        on known.thread_id = surpluses.thread_id and surpluses.context_change = 'start'
    -- A token is the least that is left over.
    where surplus_kind = 'unlogged' and (known.weight is null or leftover_weight - known.weight >= characters_per_token)
),

running as (
    select
        weighted.*,
        surpluses.context_change,
        surpluses.is_iterated,
        surpluses.is_base_known,
        surpluses.leftover_text_ratio,
        surpluses.origin,
        surpluses.surplus_kind,
        surpluses.group_start,
        surpluses.group_tokens,
        sum(weighted.weight) over item_group as group_weight,
        coalesce(sum(weighted.weight) filter (where weighted.item_kind = 'unlogged') over item_group, 0) as unlogged_weight,
        coalesce(sum(weighted.weight) filter (where weighted.counted_method is not null) over item_group, 0) as counted_weight,
        sum(weighted.weight) over (
            partition by weighted.thread_id, weighted.entered_response_number, weighted.share_group
            order by weighted.is_output desc, weighted.thread_position, weighted.block_number, weighted.item_id
            rows between unbounded preceding and current row
        ) as running_weight,
        count(*) over item_group as group_count
    from weighted
    inner join surpluses
        on surpluses.thread_id = weighted.thread_id and surpluses.entered_response_number = weighted.entered_response_number
        and surpluses.share_group = weighted.share_group
    window item_group as (partition by weighted.thread_id, weighted.entered_response_number, weighted.share_group)
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
            when counted_method is not null then counted_method
            when context_change = 'start' and origin = 'cut_off' and item_kind = 'unlogged' then 'estimated'
            when surplus_kind in ('unlogged', 'definitions') and context_change = 'growth' then 'estimated'
            -- What a start leaves over is a measured total less a little text: as good as a share by length.
            when
                item_kind = 'unlogged' and not is_iterated
                and context_change in ('start', 'compaction')
                and group_weight - counted_weight - weight <= leftover_text_ratio * group_weight and group_count > 1 then 'proportional'
            -- And logged texts share what lies above a known base by length, as long as little else entered with them.
            when
                item_kind <> 'unlogged' and not is_iterated and context_change in ('start', 'compaction') and is_base_known
                and unlogged_weight <= {{ leftover_text_ratio }} * group_weight then 'proportional'
            when context_change in ('start', 'compaction', 'shrink') or is_iterated then 'estimated'
            when group_count = 1 then 'direct'
            else 'proportional'
        end as allocation_method
    from running
),

-- After a micro-compaction everything above the base is laid anew, in the old order and without the results that were
-- cleared: what stays has the tokens that it was measured with, what is new its length, scaled to fill the context.
clearings as (
    select
        responses.thread_id,
        responses.response_number,
        responses.cleared_tool_use_count,
        max(starts.response_number) as stretch_number
    from responses
    inner join responses as starts
        on starts.thread_id = responses.thread_id and starts.response_number < responses.response_number
        and starts.context_change in ('start', 'compaction')
    where responses.context_change = 'micro_compaction'
    group by all
),

cleared_calls as (
    select
        thread_id,
        response_number,
        tool_use_id
    from {{ explode(
        "(select * from responses where context_change = 'micro_compaction')", 'cleared_tool_use_ids', 'tool_use_id', 'call_number'
    ) }} as exploded
),

-- Where the API clears, it clears the oldest results since the conversation began or was compacted.
ranked_results as (
    select
        clearings.thread_id,
        clearings.response_number,
        items.item_id,
        clearings.cleared_tool_use_count,
        row_number() over (
            partition by clearings.thread_id, clearings.response_number order by items.thread_position, items.block_number, items.item_id
        ) as result_number
    from clearings
    inner join items
        on items.thread_id = clearings.thread_id and items.item_kind = 'tool_result'
        and items.entered_response_number between clearings.stretch_number and clearings.response_number
    where clearings.cleared_tool_use_count > 0
),

standing as (
    select
        clearings.thread_id,
        clearings.response_number,
        items.item_id,
        items.session_id,
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
        items.weight / split.characters_per_token as tokens
    from clearings
    inner join items
        on items.thread_id = clearings.thread_id
        and items.entered_response_number between clearings.stretch_number + 1 and clearings.response_number
    inner join split
        on split.thread_id = items.thread_id and split.response_number = items.entered_response_number
        and split.context_change = 'micro_compaction'
    union all
    select
        clearings.thread_id,
        clearings.response_number,
        segments.segment_id,
        segments.session_id,
        segments.item_kind,
        segments.component_type,
        segments.component_name,
        segments.tool_use_id,
        segments.file_path,
        segments.line_uuid,
        segments.entered_response_number,
        false as is_output,
        0 as thread_position,
        0 as block_number,
        segments.characters,
        segments.start_position,
        segments.end_position - segments.start_position as measured_tokens,
        segments.allocation_method,
        segments.end_position - segments.start_position as tokens
    from clearings
    inner join item_segments as segments
        on segments.thread_id = clearings.thread_id
        and segments.entered_response_number between clearings.stretch_number and clearings.response_number - 1
    -- What a rewind had taken off before.
    anti join split as shrinks
        on shrinks.thread_id = segments.thread_id and shrinks.context_change = 'shrink'
        and shrinks.response_number > segments.entered_response_number and shrinks.response_number < clearings.response_number
        and shrinks.cut_position <= segments.start_position
),

kept as (
    select
        standing.*,
        sum(standing.tokens) over (partition by standing.thread_id, standing.response_number) as total_tokens,
        sum(standing.tokens) over (
            partition by standing.thread_id, standing.response_number
            order by
                standing.entered_response_number, standing.start_position, standing.is_output desc, standing.thread_position,
                standing.block_number, standing.item_id
            rows between unbounded preceding and current row
        ) as running_tokens
    from standing
    left join (
        select distinct cleared_calls.thread_id, later.response_number, cleared_calls.tool_use_id, cleared_calls.response_number as cleared_at
        from cleared_calls
        inner join clearings as later on later.thread_id = cleared_calls.thread_id and later.response_number >= cleared_calls.response_number
    ) as gone_calls
        on gone_calls.thread_id = standing.thread_id and gone_calls.response_number = standing.response_number
        and gone_calls.tool_use_id = standing.tool_use_id and gone_calls.cleared_at > standing.entered_response_number
    left join ranked_results
        on ranked_results.thread_id = standing.thread_id and ranked_results.response_number = standing.response_number
        and ranked_results.item_id = standing.item_id and ranked_results.result_number <= ranked_results.cleared_tool_use_count
    where standing.tokens > 0 and not (standing.item_kind = 'tool_result' and gone_calls.tool_use_id is not null) and ranked_results.item_id is null
),

restacked as (
    select
        kept.*,
        split.cut_position + cast(round(split.entered_tokens * (kept.running_tokens - kept.tokens) / kept.total_tokens) as bigint)
            as new_start_position,
        split.cut_position + cast(round(split.entered_tokens * kept.running_tokens / kept.total_tokens) as bigint) as new_end_position
    from kept
    inner join split on split.thread_id = kept.thread_id and split.response_number = kept.response_number
),

-- Where the client did not count, the lengths of the texts split the base.
shapes as (
    select
        thread_id,
        part_number,
        item_kind,
        component_type,
        component_name,
        sum(characters) over (partition by thread_id) as total_characters,
        sum(characters) over (
            partition by thread_id order by part_number, part_id rows between unbounded preceding and current row
        ) as running_characters,
        characters
    from {{ ref('int_base_part') }} as int_base_part
    semi join touched on touched.session_id = int_base_part.session_id
    where tokens is null
),

-- How much of the base the thread's own system prompt and tools are. Of inherited context that is what the logged shape tells,
-- or, for the subagent that summarizes, the base of its parent.
own_bases as (
    select
        bases.*,
        threads.session_id,
        threads.actor,
        origins.origin,
        origins.is_mixed,
        case
            when origins.origin = 'own' then bases.base_tokens
            when origins.origin = 'parent_thread' then least(bases.base_tokens, coalesce(parents.base_tokens, 0))
            when counted.tokens is not null then least(bases.base_tokens, cast(round(counted.tokens) as bigint))
            else least(bases.base_tokens, cast(round(coalesce(shaped.total_characters, 0) / bases.characters_per_token) as bigint))
        end as own_tokens,
        counted.thread_id is not null as is_counted
    from bases
    inner join threads on threads.thread_id = bases.thread_id
    inner join origins on origins.thread_id = bases.thread_id
    left join (select thread_id, max(total_characters) as total_characters from shapes group by thread_id) as shaped
        on shaped.thread_id = bases.thread_id
    left join (select thread_id, max(end_tokens) as tokens from counted_parts group by thread_id) as counted
        on counted.thread_id = bases.thread_id
    left join (
        select
            parent_threads.session_id,
            parent_bases.base_tokens
        from bases as parent_bases
        inner join threads as parent_threads on parent_threads.thread_id = parent_bases.thread_id and parent_threads.actor = 'main'
        inner join origins as parent_origins on parent_origins.thread_id = parent_bases.thread_id and parent_origins.origin = 'own'
    ) as parents
        on parents.session_id = threads.session_id
),

base_parts as (
    select
        own_bases.*,
        cast(null as varchar) as part_id,
        shapes.part_number,
        shapes.characters,
        case when shapes.thread_id is not null then 'proportional' else 'direct' end as part_method,
        coalesce(shapes.item_kind, 'base') as item_kind,
        cast(null as varchar) as file_path,
        coalesce(shapes.component_type, 'system_prompt') as component_type,
        coalesce(shapes.component_name, 'system_prompt') as component_name,
        cast(round(own_bases.own_tokens * coalesce((shapes.running_characters - shapes.characters) / shapes.total_characters, 0)) as bigint)
            as start_position,
        cast(round(own_bases.own_tokens * coalesce(shapes.running_characters / shapes.total_characters, 1)) as bigint) as end_position
    from own_bases
    left join shapes on shapes.thread_id = own_bases.thread_id and shapes.total_characters > 0
    where own_bases.own_tokens > 0 and not own_bases.is_counted
    union all
    -- A base is cut off where the client counted more; what it counted less is not known.
    select
        own_bases.*,
        counted_parts.part_id,
        counted_parts.part_number,
        counted_parts.characters,
        case when counted_parts.is_counted and counted_parts.end_tokens <= own_bases.own_tokens + 0.5 then 'direct' else 'proportional' end,
        counted_parts.item_kind,
        counted_parts.file_path,
        counted_parts.component_type,
        counted_parts.component_name,
        cast(round(counted_parts.start_tokens) as bigint),
        least(cast(round(counted_parts.end_tokens) as bigint), own_bases.own_tokens)
    from own_bases
    inner join counted_parts on counted_parts.thread_id = own_bases.thread_id and round(counted_parts.start_tokens) < own_bases.own_tokens
    union all
    select
        own_bases.*,
        cast(null as varchar),
        -2,
        0,
        'estimated',
        'unlogged',
        cast(null as varchar),
        'system_prompt',
        'unlogged',
        counted.tokens,
        own_bases.own_tokens
    from own_bases
    inner join (select thread_id, cast(round(max(end_tokens)) as bigint) as tokens from counted_parts group by thread_id) as counted
        on counted.thread_id = own_bases.thread_id and counted.tokens < own_bases.own_tokens
    union all
    select
        own_bases.*,
        cast(null as varchar) as part_id,
        -1 as part_number,
        0 as characters,
        case when own_tokens > 0 then 'proportional' else 'direct' end as part_method,
        'base' as item_kind,
        cast(null as varchar) as file_path,
        'system_prompt' as component_type,
        'inherited_context' as component_name,
        own_tokens as start_position,
        base_tokens as end_position
    from own_bases
    where base_tokens > own_tokens
),

base_segments as (
    select
        coalesce(part_id, {{ surrogate_key(['thread_id', "coalesce(part_number, 0)", "'base'"]) }}) as segment_id,
        thread_id,
        session_id,
        item_kind,
        component_type,
        component_name,
        cast(null as varchar) as tool_use_id,
        file_path,
        cast(null as varchar) as line_uuid,
        cast(1 as bigint) as entered_response_number,
        cast(1 as bigint) as first_response_number,
        start_position,
        end_position,
        end_position - start_position as segment_tokens,
        cast(coalesce(characters, 0) as bigint) as characters,
        case
            when is_counted and component_name <> 'inherited_context' then part_method
            -- What went before is not known, nor how much of it is the system prompt.
            when origin = 'cut_off' or is_mixed and not is_measured and not is_bounded then 'estimated'
            when not is_measured and not is_bounded and not is_mostly_base then 'estimated'
            when not is_measured then 'proportional'
            else part_method
        end as allocation_method
    from base_parts
    where end_position > start_position
),

-- An item is laid once when it enters and once more after each micro-compaction that it outlasts.
laid as (
    select
        segment_id, thread_id, session_id, item_kind, component_type, component_name, tool_use_id, file_path, line_uuid,
        entered_response_number, entered_response_number as first_response_number, start_position, end_position,
        end_position - start_position as segment_tokens, characters, allocation_method
    from item_segments
    union all
    select
        item_id, thread_id, session_id, item_kind, component_type, component_name, tool_use_id, file_path, line_uuid,
        response_number, entered_response_number, new_start_position, new_end_position,
        coalesce(measured_tokens, case when response_number = entered_response_number then new_end_position - new_start_position else 0 end),
        characters, coalesce(allocation_method, 'estimated')
    from restacked
    union all
    select
        segment_id, thread_id, session_id, item_kind, component_type, component_name, tool_use_id, file_path, line_uuid,
        entered_response_number, first_response_number, start_position, end_position, segment_tokens, characters, allocation_method
    from base_segments
    union all
    -- Nothing is known of what a micro-compaction left.
    select
        {{ surrogate_key(['split.thread_id', 'split.response_number', "'unlogged'"]) }}, split.thread_id, split.session_id, 'unlogged',
        'system_prompt', 'unlogged', null, null, null, split.response_number, split.response_number, split.cut_position,
        split.context_tokens, split.entered_tokens, 0, 'estimated'
    from split
    anti join restacked on restacked.thread_id = split.thread_id and restacked.response_number = split.response_number
    where split.context_change = 'micro_compaction' and split.entered_tokens > 0
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
            min(case when context_change in ('compaction', 'micro_compaction') then response_number end) over (
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
        laid.entered_response_number,
        laid.start_position,
        laid.end_position,
        cuts.response_number,
        least(
            laid.end_position,
            coalesce(
                min(cuts.cut_position) over (
                    partition by laid.segment_id, laid.entered_response_number order by cuts.response_number rows between unbounded preceding and 1 preceding
                ),
                laid.end_position
            )
        ) as level_before,
        least(laid.end_position, min(cuts.cut_position) over (
            partition by laid.segment_id, laid.entered_response_number order by cuts.response_number rows between unbounded preceding and current row
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
        entered_response_number,
        greatest(start_position, level_after) as start_position,
        level_before as end_position,
        response_number - 1 as left_response_number
    from levels
    where level_before > greatest(start_position, level_after)
    union all
    select
        laid.segment_id,
        laid.entered_response_number,
        laid.start_position,
        least(laid.end_position, coalesce(floors.level_after, laid.end_position)) as end_position,
        threads.last_response_number as left_response_number
    from laid
    inner join threads on threads.thread_id = laid.thread_id
    left join (
        select segment_id, entered_response_number, min(level_after) as level_after
        from levels
        group by segment_id, entered_response_number
    ) as floors
        on floors.segment_id = laid.segment_id and floors.entered_response_number = laid.entered_response_number
    where least(laid.end_position, coalesce(floors.level_after, laid.end_position)) > laid.start_position
)

select
    {{ surrogate_key(['pieces.segment_id', 'pieces.entered_response_number', 'pieces.start_position']) }} as piece_id,
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
    laid.first_response_number,
    laid.entered_response_number,
    entries.started_at as laid_at,
    pieces.left_response_number,
    pieces.start_position,
    pieces.end_position,
    pieces.end_position - pieces.start_position as tokens,
    laid.segment_tokens,
    laid.characters,
    touched._batch_id
from pieces
inner join laid on laid.segment_id = pieces.segment_id and laid.entered_response_number = pieces.entered_response_number
inner join touched on touched.session_id = laid.session_id
left join {{ ref('int_context_response') }} as entries
    on entries.thread_id = laid.thread_id and entries.response_number = laid.entered_response_number
