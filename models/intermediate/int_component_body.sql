{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['body_text']) }}

-- The component bodies that conversations show: skills, commands, memory files, attached files.
with touched as {{ touched_sessions() }},

items as (
    select
        items.item_id,
        items.session_id,
        items.line_uuid,
        items.block_number,
        items.item_kind,
        items.component_type,
        items.component_name,
        items.attachment_type,
        items.created_at,
        items._batch_id
    from {{ touched_rows(ref('int_context_item')) }} as items
    where
        items.item_kind in ('skill_body', 'command_body')
        or items.attachment_type in ('nested_memory', 'file')
),

bodies as (
    select
        items.*,
        -- For commands and skills, the text of the file: a call's own arguments do not make a new version.
        coalesce(templates.template_text, blocks.block_text, attachments.file_text) as body_text
    from items
    left join {{ touched_rows(ref('int_block')) }} as blocks
        on blocks.line_uuid = case when items.attachment_type is null then items.line_uuid end
        and blocks.block_number = items.block_number and blocks.block_type = 'text'
    left join {{ ref('int_prompt_body') }} as templates
        on templates.line_uuid = items.line_uuid and templates.session_id = items.session_id
    left join {{ touched_rows(ref('int_attachment')) }} as attachments
        on attachments.line_uuid = case when items.attachment_type is not null then items.line_uuid end
)

select
    item_id,
    session_id,
    component_type,
    component_name,
    md5(body_text) as content_hash,
    created_at,
    body_text,
    _batch_id
from bodies
where body_text is not null and body_text <> '' and component_type in ('skill', 'command', 'reference_file')
