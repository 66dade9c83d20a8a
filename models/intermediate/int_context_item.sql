{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns') }}

-- Everything that could enter a context, in the order of its thread, with what it is and how long.
with touched as {{ touched_sessions() }},

lines as (
    select
        int_line.session_id,
        int_line.actor,
        int_line.thread_position,
        int_line.line_uuid,
        int_line.line_type,
        int_line.subtype,
        int_line.file_id,
        int_line.line_number,
        int_line.part_number,
        int_line.created_at
    from {{ ref('int_line') }} as int_line
    semi join touched on touched.session_id = int_line.session_id
    where int_line.line_type in ('user', 'assistant', 'attachment')
),

flags as (
    select
        lines.line_uuid,
        stg.is_meta,
        stg.is_compact_summary,
        stg.source_tool_use_id,
        stg.parent_uuid,
        stg.model_raw
    from lines
    inner join {{ ref('stg_transcripts__line') }} as stg
        on stg.file_id = lines.file_id and stg.line_number = lines.line_number and stg.part_number = lines.part_number
),

calls as (
    select
        tool_use_id,
        tool_name,
        target_path,
        tool_input.skill as skill_name,
        tool_input.subagent_type as subagent_type
    from {{ ref('int_tool_call') }} as int_tool_call
    semi join touched on touched.session_id = int_tool_call.session_id
),

spawned_agents as (
    select spawn_tool_use_id as tool_use_id, max(agent_type) as agent_name
    from {{ ref('int_agent_run') }}
    where spawn_tool_use_id is not null
    group by spawn_tool_use_id
),

turns as (
    select turn_id, command_name, prompt_origin
    from {{ ref('int_turn') }} as int_turn
    semi join touched on touched.session_id = int_turn.session_id
),

block_items as (
    select
        lines.session_id,
        lines.actor,
        lines.thread_position,
        lines.line_uuid,
        blocks.block_number,
        lines.line_type = 'assistant' as is_output,
        lines.created_at,
        case
            when lines.line_type = 'assistant' and blocks.block_type = 'tool_use' then 'tool_call'
            when lines.line_type = 'assistant' and blocks.block_type in ('thinking', 'redacted_thinking') then 'thinking'
            when lines.line_type = 'assistant' then 'answer'
            when blocks.block_type = 'tool_result' then 'tool_result'
            when flags.is_compact_summary then 'compaction_summary'
            when flags.source_tool_use_id is not null then 'skill_body'
            when flags.is_meta and parent_turns.command_name is not null then 'command_body'
            when flags.is_meta then 'injected_text'
            when turns.prompt_origin = 'task_notification' then 'task_notification'
            when blocks.block_type in ('image', 'document') then 'image'
            else 'prompt'
        end as item_kind,
        blocks.tool_use_id,
        coalesce(blocks.tool_name, calls.tool_name, source_calls.tool_name) as tool_name,
        coalesce(calls.skill_name, source_calls.skill_name, parent_turns.command_name) as skill_name,
        coalesce(spawned_agents.agent_name, calls.subagent_type) as agent_name,
        calls.target_path as file_path,
        cast(null as varchar) as attachment_type,
        cast(
            coalesce(blocks.text_characters, 0) + coalesce(blocks.signature_characters, 0) + coalesce(length(blocks.tool_input_json), 0)
            -- An image or a page of a document has no text: it weighs what a picture of common size costs.
            + blocks.image_count * {{ var('image_tokens') }} * {{ var('characters_per_token') }}
            + case when blocks.block_type = 'document' then {{ var('image_tokens') }} * {{ var('characters_per_token') }} else 0 end
            as bigint
        ) as characters,
        blocks.image_count
    from lines
    inner join flags on flags.line_uuid = lines.line_uuid
    inner join {{ ref('stg_transcripts__block') }} as blocks
        on blocks.file_id = lines.file_id and blocks.line_number = lines.line_number and blocks.part_number = lines.part_number
    left join calls on calls.tool_use_id = blocks.tool_use_id
    left join calls as source_calls on source_calls.tool_use_id = flags.source_tool_use_id
    left join spawned_agents on spawned_agents.tool_use_id = blocks.tool_use_id
    left join turns on turns.turn_id = lines.line_uuid
    left join turns as parent_turns on parent_turns.turn_id = flags.parent_uuid
    where coalesce(flags.model_raw, '') <> '<synthetic>'
),

attachment_items as (
    select
        lines.session_id,
        lines.actor,
        lines.thread_position,
        lines.line_uuid,
        1 as block_number,
        false as is_output,
        lines.created_at,
        case
            when attachments.attachment_type = 'queued_command' then 'prompt'
            when attachments.attachment_type in ('nested_memory', 'file', 'compact_file_reference', 'relevant_memories', 'selected_lines_in_ide', 'edited_text_file')
                then 'reference_file'
            when attachments.attachment_type in ('hook_additional_context', 'hook_blocking_error', 'hook_stopped_continuation') then 'hook_output'
            else 'injected_text'
        end as item_kind,
        case when attachments.attachment.toolUseID in (select tool_use_id from calls) then attachments.attachment.toolUseID end
            as tool_use_id,
        cast(null as varchar) as tool_name,
        cast(null as varchar) as skill_name,
        cast(null as varchar) as agent_name,
        coalesce(attachments.attachment.path, attachments.attachment.filename, attachments.attachment.hookName) as file_path,
        attachments.attachment_type,
        cast(attachments.attachment_characters as bigint) as characters,
        0 as image_count
    from lines
    inner join {{ ref('stg_transcripts__attachment') }} as attachments
        on attachments.file_id = lines.file_id and attachments.line_number = lines.line_number
        and attachments.part_number = lines.part_number
    -- What the model never sees, or sees elsewhere.
    where attachments.attachment_type not in (
        'hook_success', 'hook_non_blocking_error', 'hook_cancelled', 'hook_error_during_execution', 'hook_permission_decision',
        'hook_system_message', 'async_hook_response', 'prompt_snapshot', 'command_permissions', 'already_read_file', 'max_turns_reached',
        'structured_output', 'hook_deferred_tool', 'session_context', 'auto_mode_exit', 'read_truncation_notice'
    )
),

items as (
    select * from block_items
    union all
    select * from attachment_items
),

merged as (
    select session_id, actor, thread_position, 1 as is_item, 0 as is_response, line_uuid, block_number from items
    union all
    select session_id, actor, thread_position, 0 as is_item, 1 as is_response, null as line_uuid, 0 as block_number
    from {{ ref('int_context_response') }} as int_context_response
    semi join touched on touched.session_id = int_context_response.session_id
),

-- An item enters with the next response of its thread. The blocks of a response stand at or after its own position.
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
        when items.item_kind in ('tool_result', 'task_notification') and items.agent_name is not null then 'agent'
        when items.item_kind = 'task_notification' then 'user_prompt'
        when items.item_kind in ('tool_call', 'tool_result') and items.tool_name is not null then 'tool'
        when items.item_kind = 'reference_file' and items.file_path is not null then 'reference_file'
        when items.item_kind = 'hook_output' and items.file_path is not null then 'hook'
        else 'system_prompt'
    end as component_type,
    case
        when items.item_kind in ('answer', 'thinking') then 'assistant_output'
        when items.item_kind in ('prompt', 'image') then 'user_prompt'
        when items.item_kind = 'compaction_summary' then 'compaction_summary'
        when items.item_kind in ('skill_body', 'command_body') and items.skill_name is not null then items.skill_name
        when items.item_kind in ('tool_result', 'task_notification') and items.agent_name is not null then items.agent_name
        when items.item_kind = 'task_notification' then 'user_prompt'
        when items.item_kind in ('tool_call', 'tool_result') and items.tool_name is not null then items.tool_name
        when items.item_kind in ('reference_file', 'hook_output') and items.file_path is not null then items.file_path
        else coalesce(items.attachment_type, items.item_kind)
    end as component_name,
    items.tool_use_id,
    items.tool_name,
    items.file_path,
    items.attachment_type,
    items.image_count,
    items.characters,
    -- What a block weighs beyond its characters: its frame (role, ids, tags), seen as a constant of the regression.
    items.characters + {{ var('block_overhead_characters') }} as weight,
    touched._batch_id
from items
inner join touched on touched.session_id = items.session_id
inner join entered on entered.is_item = 1 and entered.line_uuid = items.line_uuid and entered.block_number = items.block_number
