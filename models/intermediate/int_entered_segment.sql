{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

-- The items that entered with a response fill the growth of its context: they share it by length, after
-- content that no line shows has received its part.
with touched as {{ touched_sessions() }},

-- If the previous response was measured separately, there are two groups: its own blocks and the rest. A
-- start may have no logged text at all.
entries as (
    select
        entries.thread_id,
        entries.session_id,
        entries.response_number as entered_response_number,
        entries.context_change,
        entries.is_iterated,
        bases.origin,
        bases.begins_compacted,
        bases.is_known as is_base_known,
        bases.characters_per_token,
        bases.leftover_text_ratio,
        items.item_id,
        items.thread_position,
        items.block_number,
        items.line_uuid,
        items.is_output,
        items.item_kind,
        items.component_type,
        items.component_name,
        items.tool_use_id,
        items.file_path,
        items.characters,
        items.weight,
        items.is_length_known,
        case
            when entries.output_tokens is null then 'all'
            when items.is_output then 'output'
            else 'input'
        end as share_group,
        entries.cut_position
        + case when entries.output_tokens is null or items.is_output then 0 else entries.output_tokens end
            as group_start,
        case
            when entries.output_tokens is null then entries.entered_tokens
            when items.is_output then entries.output_tokens
            else entries.entered_tokens - entries.output_tokens
        end as group_tokens
    from {{ ref('int_context_entry') }} as entries
    semi join touched on touched.session_id = entries.session_id
    inner join {{ ref('int_thread_base') }} as bases on bases.thread_id = entries.thread_id
    left join {{ touched_rows(ref('int_context_item')) }} as items
        on items.thread_id = entries.thread_id and items.entered_response_number = entries.response_number
    where
        entries.context_change <> 'micro_compaction'
        and (items.item_id is not null or entries.entered_tokens > 0)
),

groups as (
    select
        thread_id,
        session_id,
        entered_response_number,
        share_group,
        context_change,
        is_iterated,
        origin,
        begins_compacted,
        is_base_known,
        characters_per_token,
        leftover_text_ratio,
        group_start,
        group_tokens,
        coalesce(sum(weight), 0) as logged_weight,
        count(item_id) as logged_count,
        count(*) filter (where not is_length_known) as unknown_count,
        count(*) filter (where item_kind = 'tool_definition') as definition_count,
        coalesce(sum(weight) filter (where not is_length_known), 0) as unknown_weight
    from entries
    group by all
),

-- The content of a group beyond its logged texts. A start or restart adds content that no line shows: root
-- memory files, the environment, content kept by a compaction. In the middle of a thread the surplus goes to
-- items whose length the log does not show (tools loaded by a search; images); without such an item, a
-- surplus too large to be text is attributed to no item: thinking that the log leaves out, a reminder.
surpluses as (
    select
        *,
        group_tokens * characters_per_token - logged_weight as leftover_weight,
        case
            when logged_count = 0 then 'unlogged'
            when context_change in ('start', 'compaction')
                then case
                    when group_tokens * characters_per_token > logged_weight + 500 * characters_per_token
                        then 'unlogged'
                end
            when context_change <> 'growth' or share_group = 'output' then null
            when definition_count > 0 and group_tokens * characters_per_token > logged_weight
                then 'definitions'
            when
                group_tokens * {{ var('characters_per_token') }} <= {{ var('ledger_disagreement_factor') }}
                * logged_weight
                then null
            when unknown_count > 0 then 'pictures'
            else 'unlogged'
        end as surplus_kind
    from groups
),

-- The client's count of a start, laid out from position 0; its first part is the base.
counted_parts as (
    select
        *,
        sum(tokens) over part_order - tokens as start_tokens,
        sum(tokens) over part_order as end_tokens
    from {{ ref('int_base_part') }} as int_base_part
    semi join touched on touched.session_id = int_base_part.session_id
    where tokens is not null
    window part_order as (
        partition by thread_id order by part_number, part_id rows between unbounded preceding and current row
    )
),

-- The counted parts above the base, as far as the surplus reaches.
counted_surpluses as (
    select
        counted_parts.*,
        surpluses.entered_response_number,
        surpluses.share_group,
        case
            when
                counted_parts.is_counted and counted_parts.start_tokens >= surpluses.group_start
                and counted_parts.end_tokens <= surpluses.group_start
                + surpluses.leftover_weight / surpluses.characters_per_token
                then 'direct'
            else 'proportional'
        end as counted_method,
        surpluses.characters_per_token * (
            least(
                counted_parts.end_tokens,
                surpluses.group_start + surpluses.leftover_weight / surpluses.characters_per_token
            )
            - greatest(counted_parts.start_tokens, surpluses.group_start)
        ) as weight
    from surpluses
    inner join counted_parts
        on counted_parts.thread_id = surpluses.thread_id and counted_parts.end_tokens > surpluses.group_start
    where
        surpluses.surplus_kind = 'unlogged' and surpluses.context_change = 'start'
        and counted_parts.start_tokens < surpluses.group_start
        + surpluses.leftover_weight / surpluses.characters_per_token
),

weighted as (
    select
        entries.item_id,
        entries.thread_id,
        entries.entered_response_number,
        entries.share_group,
        entries.thread_position,
        entries.block_number,
        entries.line_uuid,
        entries.is_output,
        entries.item_kind,
        entries.component_type,
        entries.component_name,
        entries.tool_use_id,
        entries.file_path,
        entries.characters,
        entries.weight + case
            when surpluses.surplus_kind = 'definitions' and entries.item_kind = 'tool_definition'
                then surpluses.leftover_weight / surpluses.definition_count
            when surpluses.surplus_kind = 'pictures' and not entries.is_length_known
                then surpluses.leftover_weight * entries.weight / surpluses.unknown_weight
            else 0
        end as weight,
        cast(null as varchar) as counted_method
    from entries
    inner join surpluses
        on surpluses.thread_id = entries.thread_id
        and surpluses.entered_response_number = entries.entered_response_number
        and surpluses.share_group = entries.share_group
    where entries.item_id is not null
    union all
    select
        {{ surrogate_key(['part_id', "'above the base'"]) }},
        thread_id,
        entered_response_number,
        share_group,
        -2,
        part_number,
        null,
        false,
        item_kind,
        component_type,
        component_name,
        null,
        file_path,
        characters,
        weight,
        counted_method
    from counted_surpluses
    union all
    select
        {{ surrogate_key(['surpluses.thread_id', 'surpluses.entered_response_number', "'unlogged'"]) }},
        surpluses.thread_id,
        entered_response_number,
        share_group,
        -- Before the texts of a start, but after those that arrived in the middle.
        case when context_change in ('start', 'compaction') then -1 else 9000000000000000 end,
        0,
        null,
        false,
        'unlogged',
        'system_prompt',
        case
            when context_change = 'start' and origin <> 'own' then 'inherited_context'
            when logged_count = 0 then 'unlogged'
            when context_change = 'compaction' or context_change = 'start' and begins_compacted
                then 'kept_by_compaction'
            when context_change = 'start' then 'memory_and_environment'
            else 'unlogged'
        end,
        null,
        null,
        0,
        case
            when known.weight is not null then leftover_weight - known.weight
            when logged_count = 0 then 1
            else leftover_weight
        end,
        null
    from surpluses
    left join (
        select thread_id, sum(weight) as weight from counted_surpluses
        group by thread_id
    ) as known
        on known.thread_id = surpluses.thread_id and surpluses.context_change = 'start'
    -- A surplus below one token is ignored.
    where
        surplus_kind = 'unlogged'
        and (known.weight is null or leftover_weight - known.weight >= characters_per_token)
),

running as (
    select
        weighted.*,
        surpluses.session_id,
        surpluses.context_change,
        surpluses.is_iterated,
        surpluses.is_base_known,
        surpluses.leftover_text_ratio,
        surpluses.origin,
        surpluses.surplus_kind,
        surpluses.group_start,
        surpluses.group_tokens,
        sum(weighted.weight) over item_group as group_weight,
        coalesce(sum(weighted.weight) filter (where weighted.item_kind = 'unlogged') over item_group, 0)
            as unlogged_weight,
        coalesce(sum(weighted.weight) filter (where weighted.counted_method is not null) over item_group, 0)
            as counted_weight,
        sum(weighted.weight) over (
            partition by weighted.thread_id, weighted.entered_response_number, weighted.share_group
            order by
                weighted.is_output desc, weighted.thread_position, weighted.block_number, weighted.item_id
            rows between unbounded preceding and current row
        ) as running_weight,
        count(*) over item_group as group_count
    from weighted
    inner join surpluses
        on surpluses.thread_id = weighted.thread_id
        and surpluses.entered_response_number = weighted.entered_response_number
        and surpluses.share_group = weighted.share_group
    window item_group as (
        partition by weighted.thread_id, weighted.entered_response_number, weighted.share_group
    )
),

placed as (
    select
        *,
        group_start
        + cast(round(group_tokens * (running_weight - weight) / group_weight) as bigint) as start_position,
        group_start + cast(round(group_tokens * running_weight / group_weight) as bigint) as end_position
    from running
)

select
    placed.item_id as segment_id,
    placed.thread_id,
    placed.session_id,
    placed.item_kind,
    placed.component_type,
    placed.component_name,
    placed.tool_use_id,
    placed.file_path,
    placed.line_uuid,
    case
        when counted_method is not null then counted_method
        when context_change = 'start' and origin = 'cut_off' and item_kind = 'unlogged' then 'estimated'
        when surplus_kind in ('unlogged', 'definitions') and context_change = 'growth' then 'estimated'
        -- The surplus of a start is a measured total minus a little text: as reliable as a share by length.
        when
            item_kind = 'unlogged' and not is_iterated
            and context_change in ('start', 'compaction')
            and group_weight - counted_weight - weight <= leftover_text_ratio * group_weight
            and group_count > 1 then 'proportional'
        -- Logged texts share the space above a known base by length if little else entered with them.
        when
            item_kind <> 'unlogged' and not is_iterated and context_change in ('start', 'compaction')
            and is_base_known
            and unlogged_weight <= {{ var('leftover_text_ratio') }} * group_weight then 'proportional'
        when context_change in ('start', 'compaction', 'shrink') or is_iterated then 'estimated'
        when group_count = 1 then 'direct'
        else 'proportional'
    end as allocation_method,
    placed.entered_response_number,
    placed.entered_response_number as first_response_number,
    placed.start_position,
    placed.end_position,
    placed.end_position - placed.start_position as segment_tokens,
    cast(placed.characters as bigint) as characters,
    touched._batch_id
from placed
inner join touched on touched.session_id = placed.session_id
