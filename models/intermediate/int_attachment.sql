-- A view: the bodies stay in staging, and columns that a reader does not select are not read. The session is
-- the attachment's, so that a reader of few sessions skips the bodies of others.
select
    lines.line_id,
    lines.line_number,
    lines.part_number,
    attachments.session_id,
    lines.actor,
    lines.line_uuid,
    lines.created_at,
    lines.line_type,
    attachments.attachment_type,
    lines.git_branch,
    attachments.content_text,
    attachments.file_text,
    attachments.memory_files,
    attachments.attachment,
    lines.source_path,
    lines.thread_position,
    attachments.attachment_characters,
    lines._batch_id
from {{ ref('int_line') }} as lines
inner join {{ ref('stg_transcripts__attachment') }} as attachments on attachments.line_id = lines.line_id
