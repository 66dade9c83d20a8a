{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

bases as (
    select *
    from {{ ref('int_thread_base') }} as int_thread_base
    semi join touched on touched.session_id = int_thread_base.session_id
),

-- The parts of a thread's initial context, one after another: in tokens as counted by the client, or else in
-- characters.
parts as (
    select
        *,
        sum(coalesce(tokens, characters)) over part_order - coalesce(tokens, characters) as start_size,
        sum(coalesce(tokens, characters)) over part_order as end_size
    from {{ ref('int_base_part') }} as int_base_part
    semi join touched on touched.session_id = int_base_part.session_id
    window part_order as (
        partition by thread_id order by part_number, part_id rows between unbounded preceding and current row
    )
),

sizes as (
    select
        thread_id,
        bool_or(tokens is not null) as is_counted,
        max(end_size) as size
    from parts
    group by thread_id
),

-- How much of the base consists of the thread's own system prompt and tools. For inherited context this is
-- the sum of its parts or, for the subagent that summarizes, the base of its parent.
own_bases as (
    select
        bases.*,
        case
            when bases.origin = 'own' then bases.base_tokens
            when bases.origin = 'parent_thread'
                then least(bases.base_tokens, coalesce(parents.base_tokens, 0))
            else least(bases.base_tokens, cast(round(
                    coalesce(
                        sizes.size / case when sizes.is_counted then 1 else bases.characters_per_token end, 0
                    )
                ) as bigint))
        end as own_tokens,
        coalesce(sizes.is_counted, false) as has_count,
        sizes.size
    from bases
    left join sizes on sizes.thread_id = bases.thread_id
    left join bases as parents
        on parents.session_id = bases.session_id and parents.actor = 'main' and parents.origin = 'own'
),

laid as (
    -- If the client counted more than the base, the excess is cut off; without a count, the base is split by
    -- text length.
    select
        own_bases.*,
        case when own_bases.has_count then parts.part_id end as part_id,
        parts.part_number,
        coalesce(parts.item_kind, 'base') as item_kind,
        coalesce(parts.component_type, 'system_prompt') as component_type,
        coalesce(parts.component_name, 'system_prompt') as component_name,
        parts.file_path,
        parts.characters,
        case
            when parts.part_id is null or parts.is_counted and parts.end_size <= own_bases.own_tokens + 0.5
                then 'direct'
            else 'proportional'
        end as part_method,
        cast(round(case
            when own_bases.has_count then parts.start_size
            else own_bases.own_tokens * coalesce(parts.start_size / own_bases.size, 0)
        end) as bigint) as start_position,
        cast(round(case
            when own_bases.has_count then least(parts.end_size, own_bases.own_tokens)
            else own_bases.own_tokens * coalesce(parts.end_size / own_bases.size, 1)
        end) as bigint) as end_position
    from own_bases
    left join parts on parts.thread_id = own_bases.thread_id and own_bases.size > 0
    union all
    -- If the client counted less, the rest is unknown.
    select
        *, null, -2, 'unlogged', 'system_prompt', 'unlogged', null, 0, 'estimated',
        cast(round(size) as bigint), own_tokens
    from own_bases
    where has_count
    union all
    select
        *, null, -1, 'base', 'system_prompt', 'inherited_context', null, 0,
        case when own_tokens > 0 then 'proportional' else 'direct' end, own_tokens, base_tokens
    from own_bases
)

select
    coalesce(laid.part_id, {{ surrogate_key(['laid.thread_id', 'coalesce(laid.part_number, 0)', "'base'"]) }})
        as segment_id,
    laid.thread_id,
    laid.session_id,
    laid.item_kind,
    laid.component_type,
    laid.component_name,
    cast(null as varchar) as tool_use_id,
    laid.file_path,
    cast(null as varchar) as line_uuid,
    case
        when laid.has_count and laid.component_name <> 'inherited_context' then laid.part_method
        -- The earlier content is unknown, and so is the share of the system prompt in it.
        when laid.origin = 'cut_off' or laid.is_mixed and not laid.is_measured and not laid.is_bounded
            then 'estimated'
        when not laid.is_known then 'estimated'
        when not laid.is_measured then 'proportional'
        else laid.part_method
    end as allocation_method,
    cast(1 as bigint) as entered_response_number,
    cast(1 as bigint) as first_response_number,
    laid.start_position,
    laid.end_position,
    laid.end_position - laid.start_position as segment_tokens,
    cast(coalesce(laid.characters, 0) as bigint) as characters,
    touched._batch_id
from laid
inner join touched on touched.session_id = laid.session_id
where laid.end_position > laid.start_position
