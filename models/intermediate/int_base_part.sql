{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

-- Content at the start of a thread that no line of its own shows: its system prompt, its tools and anything
-- else that the client sends along. The output of the first `/context` of a thread has the client's own count
-- by category, and partly by entry; the shape of a request, logged by the newest clients, shows the length of
-- each text. A category known from both is split by length; the others keep the client's count.
with touched as {{ touched_sessions() }},

shapes as (
    select
        session_id,
        coalesce(agent_run_id, 'main') as actor,
        part_number,
        component_type,
        component_name,
        sum(characters) as characters
    from {{ ref('stg_transcripts__request_shape') }} as request_shapes
    semi join touched on touched.session_id = request_shapes.session_id
    where is_first_of_thread
    group by all
),

counts as (
    select
        usages.entry_type,
        usages.entry_name,
        usages.entry_kind,
        usages.entry_number,
        usages.tokens,
        lines.session_id,
        lines.actor,
        dense_rank() over (partition by lines.session_id, lines.actor order by lines.thread_position)
            as count_number
    from {{ ref('stg_transcripts__context_usage') }} as usages
    inner join {{ ref('int_line') }} as lines on lines.line_id = usages.line_id
    semi join touched on touched.session_id = lines.session_id
),

-- Growing content has its own lines; deferred tools, the buffer and free space are not in the context.
categories as (
    select
        session_id,
        actor,
        entry_name as category,
        tokens,
        case entry_name
            when 'System prompt' then 1
            when 'System tools' then 2
            when 'MCP tools' then 3
            when 'Custom agents' then 4
            when 'Memory files' then 5
            when 'Skills' then 6
            else 7
        end as category_number
    from counts
    where
        count_number = 1 and entry_type = 'category' and entry_kind = 'used' and entry_name <> 'Messages'
        and tokens > 0
),

-- If lines of the thread show the same content, it is an item of its own.
shown as (
    select distinct
        session_id,
        actor,
        case
            when attachment_type = 'skill_listing' then 'Skills'
            when attachment_type = 'agent_listing_delta' then 'Custom agents'
            when item_kind = 'reference_file' then 'Memory files'
            else 'MCP tools'
        end as category,
        case
            when item_kind = 'reference_file' then file_path
            when item_kind = 'tool_definition' then tool_name
        end as part_name
    from {{ ref('int_context_item') }} as items
    semi join touched on touched.session_id = items.session_id
    where
        attachment_type in ('skill_listing', 'agent_listing_delta')
        or item_kind in ('reference_file', 'tool_definition')
),

-- The parts of a category, in tokens or, if only the shape shows them, in characters.
details as (
    select
        session_id,
        actor,
        case entry_type when 'mcp_tool' then 'MCP tools' else 'Memory files' end as category,
        entry_number as detail_number,
        case entry_type when 'mcp_tool' then 'tool' else 'reference_file' end as component_type,
        entry_name as component_name,
        entry_name as part_name,
        cast(0 as bigint) as characters,
        cast(tokens as double) as weight,
        true as is_counted
    from counts
    where count_number = 1 and entry_type in ('mcp_tool', 'memory_file') and tokens > 0
    union all
    select
        session_id,
        actor,
        case when component_type = 'tool' then 'System tools' else 'System prompt' end,
        part_number,
        component_type,
        component_name,
        component_name,
        characters,
        characters,
        false
    from shapes
    where component_name not like 'mcp\_\_%' escape '\' and characters > 0
),

counted as (
    select
        categories.session_id,
        categories.actor,
        10000 * categories.category_number
        + coalesce(details.detail_number, row_number() over (
            partition by categories.session_id, categories.actor, categories.category_number
            order by categories.category, details.detail_number
        )) as part_number,
        coalesce(details.component_type, 'system_prompt') as component_type,
        coalesce(details.component_name, case categories.category
            when 'Skills' then 'skill_listing'
            when 'Custom agents' then 'agent_listing'
            else {{ regex_replace('lower(categories.category)', '[^a-z0-9]+', '_') }}
        end) as component_name,
        case
            when categories.category_number in (2, 3) then 'tool_definition'
            when details.component_type = 'reference_file' then 'reference_file'
            when categories.category_number = 1 then 'base'
            else 'injected_text'
        end as item_kind,
        case when details.component_type = 'reference_file' then details.component_name end as file_path,
        coalesce(details.characters, 0) as characters,
        categories.tokens * coalesce(details.weight / sum(details.weight) over category, 1) as tokens,
        details.weight is null or count(*) over category = 1
        or details.is_counted and abs(sum(details.weight) over category - categories.tokens)
        < 1 as is_counted,
        shown.session_id is not null as is_shown
    from categories
    left join details
        on details.session_id = categories.session_id and details.actor = categories.actor
        and details.category = categories.category
    left join shown
        on shown.session_id = categories.session_id and shown.actor = categories.actor
        and shown.category = categories.category
        and (shown.part_name is null or shown.part_name = details.part_name)
    window category as (partition by categories.session_id, categories.actor, categories.category)
),

parts as (
    select
        session_id,
        actor,
        part_number,
        item_kind,
        component_type,
        component_name,
        file_path,
        characters,
        tokens,
        is_counted
    from counted
    where not is_shown
    union all
    select
        shapes.session_id,
        shapes.actor,
        shapes.part_number,
        case when shapes.component_type = 'system_prompt' then 'base' else 'tool_definition' end,
        shapes.component_type,
        shapes.component_name,
        null,
        shapes.characters,
        null,
        false
    from shapes
    anti join categories on categories.session_id = shapes.session_id and categories.actor = shapes.actor
)

select
    {{ surrogate_key(['parts.session_id', 'parts.actor', 'parts.part_number', 'parts.component_name']) }}
        as part_id,
    {{ surrogate_key(['parts.session_id', 'parts.actor']) }} as thread_id,
    parts.session_id,
    parts.actor,
    cast(parts.part_number as bigint) as part_number,
    parts.item_kind,
    parts.component_type,
    parts.component_name,
    parts.file_path,
    parts.is_counted,
    cast(parts.characters as bigint) as characters,
    cast(parts.tokens as double) as tokens,
    touched._batch_id
from parts
inner join touched on touched.session_id = parts.session_id
