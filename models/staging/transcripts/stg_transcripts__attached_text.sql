-- Text that the client added by itself: files mentioned with @, a folder's memory, lines selected in an
-- editor.
select
    attachments.line_id,
    attachments.session_id,
    attachments.line_uuid,
    attachments.created_at,
    attachments.attachment_type,
    {{ path_identity(
        "coalesce(attachments.attachment.filename, attachments.attachment.path, "
        ~ json_scalar('attachments.attachment.content', '$.path') ~ ")"
    ) }} as document_path,
    coalesce(
        {{ json_scalar('attachments.attachment.content', '$.file.content') }},
        {{ json_scalar('attachments.attachment.content', '$.content') }},
        attachments.content_text, attachments.attachment.snippet
    ) as attached_text,
    {{ first_line("coalesce("
        ~ believable_count(json_scalar('attachments.attachment.content', '$.file.startLine'))
        ~ ", attachments.attachment.lineStart)") }} as line_start,
    {{ believable_count(json_scalar('attachments.attachment.content', '$.file.numLines')) }}
        as text_line_count,
    {{ believable_count(json_scalar('attachments.attachment.content', '$.file.totalLines')) }}
        as document_line_count,
    attachments._batch_id
from {{ ref('stg_transcripts__attachment') }} as attachments
where attachments.attachment_type in (
        'file', 'nested_memory', 'directory', 'pdf_reference', 'selected_lines_in_ide',
        'compact_file_reference', 'edited_text_file'
    )
