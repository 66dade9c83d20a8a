{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

{#- For an image of common size, or a page of a document, if the log does not show the size. #}
{%- set image_tokens = var('image_tokens', 1500) %}

{%- set first_page = number_in('tool_input.pages', '^([0-9]+)-[0-9]+$') -%}
{%- set last_page = number_in('tool_input.pages', '^[0-9]+-([0-9]+)$') -%}
{#- The API counts one token per 750 pixels. -#}
{%- set picture_tokens -%}
    cast(round(
        coalesce(result.file.dimensions.displayWidth, result.file.dimensions.originalWidth) / 750.0
        * coalesce(result.file.dimensions.displayHeight, result.file.dimensions.originalHeight)
    ) as bigint)
{%- endset %}

-- Everything that could enter a context, in thread order, with its type and length.
with touched as {{ touched_sessions() }},

blocks as (
    select int_block.*
    from {{ ref('int_block') }} as int_block
    semi join touched on touched.session_id = int_block.session_id
),

calls as (
    select
        tool_use_id,
        tool_name,
        target_path,
        result_line_uuid,
        tool_input.skill as skill_name,
        coalesce(started_agent_type, tool_input.subagent_type) as agent_name,
        -- The API scales larger images down to about this size.
        {{ at_most(picture_tokens, var('image_tokens_most', 1600)) }} as picture_tokens,
        coalesce(
            result.file.count,
            -- A range may be written backwards, or exceed the length of any document. A read counts for at
            -- most this many pages, whatever range it names.
            {{ at_most(
                'abs(' ~ last_page ~ ' - ' ~ first_page ~ ') + 1', var('document_pages_most', 1000)
            ) }},
            case when try_cast(tool_input.pages as bigint) is not null then 1 end
        ) as page_count
    from {{ ref('int_tool_call') }} as int_tool_call
    semi join touched on touched.session_id = int_tool_call.session_id
),

turns as (
    select turn_id, command_name, prompt_origin
    from {{ ref('int_turn') }} as int_turn
    semi join touched on touched.session_id = int_turn.session_id
),

-- A document that was read follows the result of the call as a separate line.
read_documents as (
    select
        result_line_uuid,
        max(tool_use_id) as tool_use_id,
        max(tool_name) as tool_name,
        max(target_path) as file_path,
        max(page_count) as page_count
    from calls
    where tool_name = 'Read' and result_line_uuid is not null
    group by result_line_uuid
),

block_items as (
    select
        blocks.session_id,
        blocks.actor,
        blocks.thread_position,
        blocks.line_uuid,
        blocks.block_number,
        blocks.line_type = 'assistant' as is_output,
        blocks.created_at,
        case
            when blocks.line_type = 'assistant' and blocks.block_type = 'tool_use' then 'tool_call'
            when blocks.line_type = 'assistant' and blocks.block_type in ('thinking', 'redacted_thinking')
                then 'thinking'
            when blocks.line_type = 'assistant' then 'answer'
            when blocks.block_type = 'tool_result' then 'tool_result'
            when blocks.is_compact_summary then 'compaction_summary'
            when blocks.source_tool_use_id is not null then 'skill_body'
            when blocks.is_meta and parent_turns.command_name is not null then 'command_body'
            when blocks.block_type in ('image', 'document') and read_documents.result_line_uuid is not null
                then 'tool_result'
            when blocks.is_meta then 'injected_text'
            when turns.prompt_origin = 'task_notification' then 'task_notification'
            when blocks.block_type in ('image', 'document') then 'image'
            else 'prompt'
        end as item_kind,
        -- NULL for a result whose call is not in the log: the id would lead nowhere.
        coalesce(calls.tool_use_id, read_documents.tool_use_id) as tool_use_id,
        -- An empty name counts as missing.
        nullif(
            trim(
                coalesce(blocks.tool_name, calls.tool_name, source_calls.tool_name, read_documents.tool_name)
            ), ''
        ) as tool_name,
        nullif(coalesce(calls.skill_name, source_calls.skill_name, parent_turns.command_name), '')
            as skill_name,
        nullif(calls.agent_name, '') as agent_name,
        nullif(coalesce(calls.target_path, read_documents.file_path), '') as file_path,
        cast(null as varchar) as server_name,
        cast(null as varchar) as attachment_type,
        cast(
            coalesce(blocks.text_characters, 0) + coalesce(blocks.signature_characters, 0)
            + coalesce({{ escaped_char_count('blocks.tool_input_json') }}, 0)
            -- An image or page has no text: it weighs as much as its size costs, or as an image of common
            -- size.
            + blocks.image_count * coalesce(calls.picture_tokens, {{ image_tokens }})
            * {{ var('characters_per_token') }}
            + case
                when blocks.block_type = 'document'
                    then coalesce(read_documents.page_count, 1)
                    * {{ image_tokens }} * {{ var('characters_per_token') }}
                else 0
            end as bigint
        ) as characters,
        blocks.image_count + case when blocks.block_type = 'document' then 1 else 0 end as image_count,
        case
            when blocks.block_type = 'document' then read_documents.page_count is not null
            when blocks.image_count > 0 then calls.picture_tokens is not null
            else true
        end as is_length_known
    from blocks
    left join calls on calls.tool_use_id = blocks.tool_use_id
    left join calls as source_calls on source_calls.tool_use_id = blocks.source_tool_use_id
    left join read_documents
        on read_documents.result_line_uuid
        = case when blocks.block_type in ('image', 'document') then blocks.parent_uuid end
    left join turns on turns.turn_id = blocks.line_uuid
    left join turns as parent_turns on parent_turns.turn_id = blocks.parent_uuid
    where coalesce(blocks.model_raw, '') <> '<synthetic>'
),

-- A tool search adds the definitions of the tools it found to the context; the log only names them.
definition_items as (
    select
        found.session_id,
        found.actor,
        found.thread_position,
        found.line_uuid,
        1000 * found.block_number + found.tool_number as block_number,
        found.created_at,
        calls.tool_use_id,
        found.found_tool
    from {{ explode(
        "(select session_id, actor, thread_position, line_uuid, created_at, block_number, tool_use_id, "
        ~ "referenced_tools from blocks where referenced_tools is not null)",
        'referenced_tools', 'found_tool', 'tool_number'
    ) }} as found
    left join calls on calls.tool_use_id = found.tool_use_id
    where found.found_tool is not null
),

items as (
    select
        *,
        1 as part_count
    from block_items
    union all by name
    select
        session_id,
        actor,
        thread_position,
        line_uuid,
        block_number,
        false as is_output,
        created_at,
        'tool_definition' as item_kind,
        tool_use_id,
        nullif(found_tool, '') as tool_name,
        cast(0 as bigint) as characters,
        0 as image_count,
        false as is_length_known,
        1 as part_count
    from definition_items
    union all by name
    select
        session_id,
        actor,
        thread_position,
        line_uuid,
        block_number,
        false as is_output,
        created_at,
        item_kind,
        -- NULL for a result whose call is not in the log: the id would lead nowhere.
        case when tool_use_id in (select tool_use_id from calls) then tool_use_id end as tool_use_id,
        file_path,
        server_name,
        attachment_type,
        characters,
        0 as image_count,
        true as is_length_known,
        part_count
    from {{ touched_rows(ref('int_attachment_part')) }} as parts
),

merged as (
    select session_id, actor, thread_position, 1 as is_item, 0 as is_response, line_uuid, block_number
    from items
    union all
    select
        session_id,
        actor,
        thread_position,
        0 as is_item,
        1 as is_response,
        null as line_uuid,
        0 as block_number
    from {{ ref('int_context_response') }} as int_context_response
    semi join touched on touched.session_id = int_context_response.session_id
),

-- An item enters with its thread's next response; the blocks of a response are at or after its position.
entered as (
    select
        line_uuid,
        block_number,
        is_item,
        sum(is_response) over (
            partition by session_id, actor order by thread_position, is_response desc, block_number
            rows between unbounded preceding and current row
        ) + 1 as entered_response_number
    from merged
)

select
    {{ surrogate_key(['items.line_uuid', 'items.block_number']) }} as item_id,
    {{ surrogate_key(['items.session_id', 'items.actor']) }} as thread_id,
    items.session_id,
    items.actor,
    items.thread_position,
    items.line_uuid,
    items.block_number,
    cast(entered.entered_response_number as bigint) as entered_response_number,
    items.is_output,
    items.created_at,
    items.item_kind,
    case
        when items.item_kind in ('answer', 'thinking') then 'assistant_output'
        when items.item_kind in ('prompt', 'image') then 'user_prompt'
        when items.item_kind = 'compaction_summary' then 'compaction_summary'
        when items.item_kind in ('skill_body', 'command_body') and items.skill_name is not null
            then case when items.item_kind = 'command_body' then 'command' else 'skill' end
        when items.item_kind in ('tool_result', 'task_notification') and items.agent_name is not null
            then 'agent'
        when items.item_kind = 'task_notification' then 'user_prompt'
        -- The call may be missing, or have no name: its result belongs to a tool nevertheless.
        when items.item_kind in ('tool_call', 'tool_result', 'tool_definition') then 'tool'
        when items.server_name is not null then 'mcp_server'
        when items.item_kind = 'reference_file' and items.file_path is not null then 'reference_file'
        when items.item_kind = 'hook_output' and items.file_path is not null then 'hook'
        else 'system_prompt'
    end as component_type,
    case
        when items.item_kind in ('answer', 'thinking') then 'assistant_output'
        when items.item_kind in ('prompt', 'image') then 'user_prompt'
        when items.item_kind = 'compaction_summary' then 'compaction_summary'
        when items.item_kind in ('skill_body', 'command_body') and items.skill_name is not null
            then items.skill_name
        when items.item_kind in ('tool_result', 'task_notification') and items.agent_name is not null
            then items.agent_name
        when items.item_kind = 'task_notification' then 'user_prompt'
        when items.item_kind in ('tool_call', 'tool_result', 'tool_definition')
            then coalesce(items.tool_name, 'unknown')
        when items.server_name is not null then items.server_name
        when items.item_kind in ('reference_file', 'hook_output') and items.file_path is not null
            then items.file_path
        else coalesce(items.attachment_type, items.item_kind)
    end as component_name,
    items.tool_use_id,
    case when items.is_output then line_turns.response_id end as response_id,
    items.tool_name,
    items.file_path,
    items.attachment_type,
    items.image_count,
    items.is_length_known,
    items.characters,
    -- The overhead of a block (role, ids, tags) is a constant from the regression; the parts of an attachment
    -- share one. The log does not show the length of a tool's definition: it gets the rest of its group.
    case
        when items.item_kind = 'tool_definition' then 0
        else items.characters
            + cast(floor({{ var('block_overhead_characters') }} / items.part_count) as bigint)
    end as weight,
    touched._batch_id
from items
inner join touched on touched.session_id = items.session_id
left join {{ ref('int_line_turn') }} as line_turns on line_turns.line_uuid = items.line_uuid
inner join entered
    on entered.is_item = 1 and entered.line_uuid = items.line_uuid
    and entered.block_number = items.block_number
