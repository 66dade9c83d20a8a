{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['prompt_text']) }}

with touched as {{ touched_sessions() }},

main_lines as (
    select lines.*
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    where lines.actor = 'main'
),

attached as (
    select
        main_lines.session_id,
        main_lines.line_uuid,
        main_lines.source_path,
        main_lines.line_number,
        main_lines.thread_position,
        coalesce(attachments.prompted_at, main_lines.created_at) as prompted_at,
        attachments.prompt_text,
        attachments.attachment.source_uuid as sent_line_uuid,
        case
            when attachments.attachment.commandMode = 'task-notification'
                or regexp_matches(attachments.prompt_text, '^\s*<(task|agent|bash)-notification\b')
                then 'task_notification'
            when coalesce(attachments.attachment.origin.kind, 'human') = 'human' then 'queued'
            else replace(attachments.attachment.origin.kind, '-', '_')
        end as prompt_origin,
        coalesce(len(attachments.attachment.imagePasteIds), 0) as image_count
    from main_lines
    inner join {{ ref('stg_transcripts__attachment') }} as attachments
        on attachments.line_id = main_lines.line_id
    where attachments.attachment_type = 'queued_command' and attachments.prompt_text is not null
),

-- Clients before 2.1.97 kept text typed while the agent worked only in the queue until they sent it. A queued
-- command or notice is not a prompt, and with `popAll` the person took the text back.
queue_lines as (
    select
        lines.session_id,
        lines.file_id,
        lines.source_path,
        lines.line_number,
        lines.queue_operation,
        lines.created_at,
        {{ surrogate_key([
            'lines.source_path', 'files.generation', 'lines.line_number', 'lines.part_number'
        ]) }} as queue_entry_id,
        {{ trim_space(regex_remove(
            'lines.queued_text',
            '^(?s:\\s*<(?:ide_|system-reminder|new-diagnostics)[^>]*>.*?'
            ~ '</(?:ide_|system-reminder|new-diagnostics)[^>]*>)+'
        )) }} as queued_text
    from {{ ref('stg_transcripts__line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
    where lines.queue_operation in ('enqueue', 'remove', 'popAll')
),

sent_from_queue as (
    select
        enqueued.queue_entry_id,
        min(enqueued.session_id) as session_id,
        min(enqueued.file_id) as file_id,
        min(enqueued.source_path) as source_path,
        min(enqueued.line_number) as line_number,
        min(enqueued.created_at) as prompted_at,
        min(enqueued.queued_text) as prompt_text,
        min(removals.line_number) as removal_line
    from queue_lines as enqueued
    inner join queue_lines as removals
        on removals.file_id = enqueued.file_id and removals.line_number > enqueued.line_number
        and removals.queue_operation = 'remove'
        and coalesce(removals.queued_text, enqueued.queued_text) = enqueued.queued_text
    anti join queue_lines as taken_back
        on taken_back.session_id = enqueued.session_id and taken_back.queue_operation = 'popAll'
        and taken_back.queued_text = enqueued.queued_text
    anti join attached
        on attached.session_id = enqueued.session_id and trim(attached.prompt_text) = enqueued.queued_text
    where
        enqueued.queue_operation = 'enqueue' and enqueued.queued_text <> ''
        and not regexp_matches(
            enqueued.queued_text,
            '^([{]"task_id"|<(task|agent|bash)-notification\b|<command-|/[a-z][\w:-]*(\s|$)|!)'
        )
    group by enqueued.queue_entry_id
),

-- It is placed where the thread continued. A queue older than the session's lines belongs to another session.
sent_prompts as (
    select
        sent_from_queue.queue_entry_id,
        sent_from_queue.session_id,
        sent_from_queue.source_path,
        sent_from_queue.line_number,
        sent_from_queue.prompted_at,
        sent_from_queue.prompt_text,
        coalesce(
            min(main_lines.thread_position) filter (
                where main_lines.line_number > sent_from_queue.removal_line
            ),
            max(main_lines.thread_position) + 1
        ) as thread_position
    from sent_from_queue
    inner join main_lines on main_lines.file_id = sent_from_queue.file_id
    group by all
    having sent_from_queue.prompted_at >= min(main_lines.created_at)
),

prompts as (
    select
        line_uuid as turn_id,
        session_id,
        sent_line_uuid,
        source_path,
        line_number,
        prompted_at,
        prompt_origin,
        prompt_text,
        false as is_in_queue_only,
        thread_position,
        image_count
    from attached
    union all
    select
        queue_entry_id,
        session_id,
        null,
        source_path,
        line_number,
        prompted_at,
        'queued',
        prompt_text,
        true,
        thread_position,
        0
    from sent_prompts
)

select
    prompts.turn_id,
    prompts.session_id,
    prompts.sent_line_uuid,
    prompts.source_path,
    prompts.line_number as source_line,
    prompts.prompted_at,
    prompts.prompt_origin,
    prompts.prompt_text,
    prompts.is_in_queue_only,
    prompts.thread_position,
    prompts.image_count,
    touched._batch_id
from prompts
inner join touched on touched.session_id = prompts.session_id
