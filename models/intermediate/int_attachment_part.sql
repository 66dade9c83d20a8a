{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

attached as (
    select
        attachments.session_id,
        attachments.actor,
        attachments.thread_position,
        attachments.line_uuid,
        attachments.created_at,
        attachments.attachment_type,
        attachments.attachment.toolUseID as tool_use_id,
        nullif(coalesce(
            {{ path_identity('coalesce(attachments.attachment.path, attachments.attachment.filename)') }},
            attachments.attachment.hookName
        ), '') as file_path,
        attachments.memory_files,
        case
            when attachments.attachment_type = 'skill_listing'
                then coalesce({{ char_count('attachments.content_text') }}, attachments.attachment_characters)
            else attachments.attachment_characters
        end as characters,
        -- Content of a listing: one text per MCP server, or else one line per tool or agent.
        case
            when attachments.attachment_type = 'mcp_instructions_delta'
                then coalesce(attachments.attachment.addedBlocks, attachments.attachment.addedNames)
            when attachments.attachment_type in ('deferred_tools_delta', 'agent_listing_delta')
                then coalesce(
                    attachments.attachment.addedLines, attachments.attachment.addedNames,
                    attachments.attachment.addedTypes
                )
        end as listed
    from {{ ref('int_attachment') }} as attachments
    semi join touched on touched.session_id = attachments.session_id
    -- Content that the model never sees, or sees elsewhere.
    where
        attachments.line_type in ('user', 'assistant', 'attachment')
        and attachments.attachment_type not in (
            'hook_success', 'hook_non_blocking_error', 'hook_cancelled', 'hook_error_during_execution',
            'hook_permission_decision', 'hook_system_message', 'async_hook_response', 'prompt_snapshot',
            'command_permissions', 'already_read_file', 'max_turns_reached', 'structured_output',
            'hook_deferred_tool', 'session_context', 'auto_mode_exit', 'read_truncation_notice'
        )
),

listed_lines as (
    select
        session_id,
        actor,
        thread_position,
        line_uuid,
        created_at,
        attachment_type,
        entry_number,
        {{ char_count('entry') }} + 1 as characters,
        -- A tool name contains its server's name; instructions have it as their title, spelled as in tool
        -- names.
        nullif(case
            when attachment_type = 'deferred_tools_delta' then {{ mcp_server_of('entry') }}
            when attachment_type = 'mcp_instructions_delta'
                then {{ regex_replace(regex_group('entry', '^(?:## )?([^\\n]+)'), '[^A-Za-z0-9_-]', '_') }}
        end, '') as server_name
    from {{ explode('attached', 'listed', 'entry', 'entry_number') }} as exploded
),

parts as (
    -- The tools of one server form one text.
    select
        session_id,
        actor,
        thread_position,
        line_uuid,
        min(entry_number) as block_number,
        created_at,
        'injected_text' as item_kind,
        cast(null as varchar) as tool_use_id,
        cast(null as varchar) as file_path,
        server_name,
        attachment_type,
        sum(characters) as characters
    from listed_lines
    group by session_id, actor, thread_position, line_uuid, created_at, server_name, attachment_type
    union all
    select
        session_id,
        actor,
        thread_position,
        line_uuid,
        file_number,
        created_at,
        'reference_file',
        null,
        nullif({{ path_identity('memory_file.path') }}, ''),
        null,
        attachment_type,
        coalesce({{ char_count('memory_file.content') }}, 0)
    from {{ explode('attached', 'memory_files', 'memory_file', 'file_number') }} as exploded
    union all
    select
        attached.session_id,
        attached.actor,
        attached.thread_position,
        attached.line_uuid,
        1,
        attached.created_at,
        case
            when attached.attachment_type = 'queued_command' then 'prompt'
            when
                attached.attachment_type in (
                    'nested_memory', 'file', 'compact_file_reference', 'relevant_memories',
                    'selected_lines_in_ide', 'edited_text_file'
                )
                then 'reference_file'
            when
                attached.attachment_type in (
                    'hook_additional_context', 'hook_blocking_error', 'hook_stopped_continuation'
                )
                then 'hook_output'
            else 'injected_text'
        end,
        attached.tool_use_id,
        attached.file_path,
        null,
        attached.attachment_type,
        attached.characters
    from attached
    anti join listed_lines on listed_lines.line_uuid = attached.line_uuid
    where attached.memory_files is null
)

select
    parts.line_uuid,
    cast(parts.block_number as bigint) as block_number,
    parts.session_id,
    parts.actor,
    parts.thread_position,
    parts.created_at,
    parts.item_kind,
    parts.tool_use_id,
    parts.file_path,
    parts.server_name,
    parts.attachment_type,
    cast(parts.characters as bigint) as characters,
    count(*) over (partition by parts.line_uuid) as part_count,
    touched._batch_id
from parts
inner join touched on touched.session_id = parts.session_id
