{{ config(
    materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns',
    zstd_columns=['prompt_text']
) }}

with touched as {{ touched_sessions() }},

main_lines as (
    select lines.*
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    where lines.actor = 'main'
),

-- What a person wrote stands in the text blocks that do not open with a tag of the client's own.
line_texts as (
    select
        blocks.line_id,
        string_agg(blocks.block_text, chr(10) order by blocks.block_number)
            filter (
                where blocks.block_type = 'text'
                and not regexp_matches(blocks.block_text, '^\s*<(ide_|system-reminder|pasted_content|new-diagnostics)')
            ) as prompt_text,
        bool_or(blocks.block_type = 'tool_result') as has_tool_result,
        count(*) filter (where blocks.block_type in ('image', 'document')) as image_count
    from {{ ref('stg_transcripts__block') }} as blocks
    inner join main_lines on main_lines.line_id = blocks.line_id
    where blocks.line_type = 'user'
    group by all
),

user_lines as (
    select
        main_lines.session_id,
        main_lines.line_uuid,
        main_lines.source_path,
        main_lines.line_number,
        main_lines.thread_position,
        lines.created_at as prompted_at,
        lines.prompt_id as client_prompt_id,
        lines.permission_mode,
        lines.turn_origin,
        lines.origin_kind,
        lines.prompt_source,
        lines.scheduled_task_id,
        lines.is_meta,
        coalesce(lines.entrypoint, '') as entrypoint,
        lines.working_dir,
        lines.plan_content,
        coalesce(texts.prompt_text, '') as prompt_text,
        greatest(texts.image_count, lines.pasted_image_count) as image_count
    from main_lines
    inner join {{ ref('stg_transcripts__line') }} as lines on lines.line_id = main_lines.line_id
    inner join line_texts as texts on texts.line_id = main_lines.line_id
    where
        main_lines.line_type = 'user'
        and not lines.is_compact_summary
        -- What a call of the agent wrote, such as the body of a command that it called, is no prompt.
        and lines.source_tool_use_id is null
        and not texts.has_tool_result
        and (texts.prompt_text is not null or texts.image_count > 0)
        and (
            not (lines.is_meta or coalesce(lines.is_client_note, false))
            or lines.turn_origin = 'scheduled'
            or lines.scheduled_task_id is not null
            or lines.origin_kind in ('task-notification', 'peer', 'channel', 'coordinator', 'auto-continuation')
        )
        and not regexp_matches(
            coalesce(texts.prompt_text, ''),
            '^\s*(<local-command-|<bash-(stdout|stderr)>|<command-contents>|\[Request interrupted by user|'
            || 'Caveat: The messages below|This session is being continued from a previous conversation|\(no content\)$)'
        )
),

queued as (
    select
        main_lines.session_id,
        main_lines.line_uuid,
        main_lines.source_path,
        main_lines.line_number,
        main_lines.thread_position,
        coalesce(attachments.prompted_at, main_lines.created_at) as prompted_at,
        attachments.prompt_text,
        attachments.attachment.source_uuid as source_uuid,
        attachments.attachment.commandMode as command_mode,
        attachments.attachment.origin.kind as origin_kind,
        coalesce(len(attachments.attachment.imagePasteIds), 0) as image_count
    from main_lines
    inner join {{ ref('stg_transcripts__attachment') }} as attachments on attachments.line_id = main_lines.line_id
    where attachments.attachment_type = 'queued_command' and attachments.prompt_text is not null
),

-- A queued prompt that also stands as a line of its own is that line.
queued_only as (
    select queued.*
    from queued
    anti join user_lines
        on user_lines.session_id = queued.session_id
        and (user_lines.line_uuid = queued.source_uuid or user_lines.prompt_text = queued.prompt_text)
),

-- Clients before 2.1.97 kept what was typed while the agent worked in the queue only, and took it out when they sent it.
-- A command or a notice in the queue is no prompt, and what `popAll` took out the person took back.
queue_lines as (
    select
        lines.session_id,
        lines.file_id,
        lines.source_path,
        lines.line_number,
        lines.queue_operation,
        lines.created_at,
        {{ surrogate_key(['lines.source_path', 'files.generation', 'lines.line_number', 'lines.part_number']) }} as queue_entry_id,
        {{ trim_space(regex_remove(
            'lines.queued_text', '^(?s:\\s*<(?:ide_|system-reminder|new-diagnostics)[^>]*>.*?</(?:ide_|system-reminder|new-diagnostics)[^>]*>)+'
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
        and removals.queue_operation = 'remove' and coalesce(removals.queued_text, enqueued.queued_text) = enqueued.queued_text
    anti join queue_lines as taken_back
        on taken_back.session_id = enqueued.session_id and taken_back.queue_operation = 'popAll'
        and taken_back.queued_text = enqueued.queued_text
    anti join user_lines on user_lines.session_id = enqueued.session_id and trim(user_lines.prompt_text) = enqueued.queued_text
    anti join queued on queued.session_id = enqueued.session_id and trim(queued.prompt_text) = enqueued.queued_text
    where
        enqueued.queue_operation = 'enqueue' and enqueued.queued_text <> ''
        and not regexp_matches(enqueued.queued_text, '^([{]"task_id"|<(task|agent|bash)-notification\b|<command-|/[a-z][\w:-]*(\s|$)|!)')
    group by enqueued.queue_entry_id
),

-- It is as if it stood where the thread went on. A queue older than the session's own lines was copied from another session.
sent_prompts as (
    select
        sent_from_queue.queue_entry_id,
        sent_from_queue.session_id,
        sent_from_queue.source_path,
        sent_from_queue.line_number,
        sent_from_queue.prompted_at,
        sent_from_queue.prompt_text,
        coalesce(
            min(main_lines.thread_position) filter (where main_lines.line_number > sent_from_queue.removal_line),
            max(main_lines.thread_position) + 1
        ) as thread_position
    from sent_from_queue
    inner join main_lines on main_lines.file_id = sent_from_queue.file_id
    group by all
    having sent_from_queue.prompted_at >= min(main_lines.created_at)
),

ranked_lines as (
    select
        *,
        row_number() over (partition by session_id, coalesce(client_prompt_id, line_uuid) order by thread_position) as prompt_rank,
        -- Editors' clients up to 2.1.22 wrote a resumed conversation once more into its file, with new ids and the old times; a
        -- prompt with an image falls into several lines then.
        coalesce(
            row_number() over (partition by session_id, prompted_at order by thread_position) > 1 and prompted_at is not null
            and contains(first_value(prompt_text) over (partition by session_id, prompted_at order by thread_position), prompt_text),
            false
        ) as is_rewritten
    from user_lines
),

-- A command or a shell line that was typed when the turn was over, although it has the turn's prompt id.
late_lines as (
    select ranked_lines.line_uuid
    from ranked_lines
    inner join main_lines
        on main_lines.session_id = ranked_lines.session_id and main_lines.thread_position < ranked_lines.thread_position
        and main_lines.line_type in ('assistant', 'system')
    where
        ranked_lines.prompt_rank > 1
        and regexp_matches(ranked_lines.prompt_text, '^\s*<(bash-input|command-name|command-message)>')
    group by ranked_lines.line_uuid
    having
        max(main_lines.thread_position) filter (where main_lines.subtype = 'turn_duration')
        > max(main_lines.thread_position) filter (where main_lines.line_type = 'assistant')
),

-- Clients before 2.1.97 do not say that a program started them (`claude -p`). Such a session begins with a prompt taken out of
-- the queue that nothing had put there, and has no snapshots of files, which a client at a terminal takes with each prompt.
printing_sessions as (
    select lines.session_id
    from {{ ref('stg_transcripts__line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    where lines.file_kind = 'session' and (lines.queue_operation is not null or lines.line_type = 'file-history-snapshot')
    group by lines.session_id
    having
        not bool_or(lines.line_type = 'file-history-snapshot')
        and min_by(lines.queue_operation, (lines.line_number, lines.queue_operation)) = 'dequeue'
),

-- The client gives the lines of one turn one prompt id: a later line with it (a command typed meanwhile) opens no turn.
opening_lines as (
    select
        *,
        -- Who gave it, by the newest field that says so. A build server types nothing, and what the client says of itself in a
        -- line that names no giver nobody typed.
        case
            when turn_origin in ('human', 'sdk', 'scheduled', 'task_notification', 'auto_continuation', 'peer') then turn_origin
            when turn_origin in ('host_synthetic', 'system') then 'system'
            when scheduled_task_id is not null then 'scheduled'
            when origin_kind = 'human' then 'human'
            when origin_kind is not null then replace(origin_kind, '-', '_')
            when prompt_source in ('typed', 'queued', 'suggestion_accepted') then 'human'
            when prompt_source in ('sdk', 'system') then prompt_source
            when {{ is_client_text('prompt_text') }} then 'system'
            when entrypoint like 'sdk%' then 'sdk'
            when {{ is_on_build_server('working_dir') }} then 'sdk'
            when entrypoint = '' and session_id in (select session_id from printing_sessions) then 'sdk'
            else 'human'
        end as giver
    from ranked_lines
    where prompt_rank = 1 or line_uuid in (select line_uuid from late_lines)
),

prompts as (
    select
        session_id,
        line_uuid as turn_id,
        source_path,
        line_number,
        thread_position,
        prompted_at,
        client_prompt_id,
        permission_mode,
        case
            when is_rewritten then 'rewritten'
            when regexp_matches(prompt_text, '^\s*<command-(name|message)>') then 'command'
            when regexp_matches(prompt_text, '^\s*<bash-input>') then 'shell'
            when regexp_matches(prompt_text, '^\s*<(task|agent|bash)-notification\b') then 'task_notification'
            when regexp_matches(prompt_text, '^\s*<(teammate-message|cross-session-message|channel)\b') then 'peer'
            when regexp_matches(prompt_text, '^\s*<user-memory-input>') then 'memory'
            -- An approved plan that the client handed to a fresh context: the person approved it and typed nothing. Old clients
            -- do not keep the plan apart.
            when giver = 'human' and (
                plan_content is not null
                or (coalesce(prompt_source, '') <> 'typed' and regexp_matches(prompt_text, '^Implement the following plan:\s*\n'))
            ) then 'plan_handover'
            else giver
        end as prompt_origin,
        giver = 'human' as is_given_by_person,
        1 as place,
        prompt_text,
        image_count
    from opening_lines
    union all
    select
        session_id,
        line_uuid as turn_id,
        source_path,
        line_number,
        thread_position,
        prompted_at,
        cast(null as varchar) as client_prompt_id,
        cast(null as varchar) as permission_mode,
        case
            when command_mode = 'task-notification' or regexp_matches(prompt_text, '^\s*<(task|agent|bash)-notification\b')
                then 'task_notification'
            when coalesce(origin_kind, 'human') = 'human' then 'queued'
            else replace(origin_kind, '-', '_')
        end as prompt_origin,
        true as is_given_by_person,
        1 as place,
        prompt_text,
        image_count
    from queued_only
    union all
    select
        session_id,
        queue_entry_id as turn_id,
        source_path,
        line_number,
        thread_position,
        prompted_at,
        cast(null as varchar) as client_prompt_id,
        cast(null as varchar) as permission_mode,
        'queued' as prompt_origin,
        true as is_given_by_person,
        0 as place,
        prompt_text,
        0 as image_count
    from sent_prompts
),

-- What a session did before its first prompt in sight (a cut-off file, a subagent whose parent is gone) has a turn too.
unprompted as (
    select
        lines.session_id,
        {{ surrogate_key(['lines.session_id', "'start'"]) }} as turn_id,
        min(lines.created_at) as prompted_at,
        min_by(lines.source_path, (lines.created_at, lines.line_uuid)) as source_path,
        min_by(lines.line_number, (lines.created_at, lines.line_uuid)) as line_number,
        max(touched._batch_id) as _batch_id
    from {{ ref('int_line') }} as lines
    inner join touched on touched.session_id = lines.session_id
    left join (
        select session_id, min(thread_position) as first_position, min(prompted_at) as first_prompted_at
        from prompts group by session_id
    ) as firsts on firsts.session_id = lines.session_id
    where
        lines.line_type = 'assistant'
        and (
            firsts.first_position is null
            or (lines.actor = 'main' and lines.thread_position < firsts.first_position)
            or (lines.actor <> 'main' and lines.created_at < firsts.first_prompted_at)
        )
    group by lines.session_id
    union all
    -- Where one id stands for many lines of a session, its answers may have no place in a thread; they count all the same.
    select
        answers.session_id,
        {{ surrogate_key(['answers.session_id', "'start'"]) }} as turn_id,
        min(answers.created_at) as prompted_at,
        min_by(answers.source_path, (answers.created_at, answers.source_path, answers.line_number)) as source_path,
        min_by(answers.line_number, (answers.created_at, answers.source_path, answers.line_number)) as line_number,
        max(touched._batch_id) as _batch_id
    from {{ ref('stg_transcripts__line') }} as answers
    inner join touched on touched.session_id = answers.session_id
    semi join {{ ref('int_response_line') }} as counted on counted.session_id = answers.session_id
    anti join {{ ref('int_line') }} as lines on lines.session_id = answers.session_id and lines.line_type = 'assistant'
    anti join prompts on prompts.session_id = answers.session_id
    where answers.line_type = 'assistant'
    group by answers.session_id
),

turns as (
    select * from prompts
    union all
    select
        session_id,
        turn_id,
        -- The way back to the log: the first line of what was done.
        source_path,
        line_number,
        0 as thread_position,
        prompted_at,
        cast(null as varchar) as client_prompt_id,
        cast(null as varchar) as permission_mode,
        'unknown' as prompt_origin,
        false as is_given_by_person,
        0 as place,
        cast(null as varchar) as prompt_text,
        0 as image_count
    from unprompted
),

numbered as (
    select
        *,
        -- A prompt that only the queue has comes before the one on whose line it would stand.
        row_number() over (partition by session_id order by thread_position, place, line_number, turn_id) as turn_number
    from turns
),

ordered as (
    select
        *,
        lead(thread_position) over (partition by session_id order by turn_number) as next_position,
        lead(prompted_at) over (partition by session_id order by turn_number) as next_prompted_at,
        lead(turn_id) over (partition by session_id order by turn_number) as next_turn_id
    from numbered
),

interruptions as (
    select
        ordered.turn_id,
        min(main_lines.created_at) as interrupted_at
    from ordered
    inner join main_lines
        on main_lines.session_id = ordered.session_id
        and main_lines.thread_position >= ordered.thread_position
        and (ordered.next_position is null or main_lines.thread_position < ordered.next_position)
    inner join {{ ref('stg_transcripts__block') }} as blocks on blocks.line_id = main_lines.line_id
    where
        blocks.block_type in ('text', 'tool_result') and blocks.line_type = 'user'
        and blocks.block_text like '[Request interrupted by user%'
    group by ordered.turn_id
),

assistant_lines as (
    select
        ordered.turn_id,
        count(*) as assistant_line_count
    from ordered
    inner join main_lines
        on main_lines.session_id = ordered.session_id
        and main_lines.thread_position >= ordered.thread_position
        and (ordered.next_position is null or main_lines.thread_position < ordered.next_position)
    left join {{ ref('stg_transcripts__line') }} as lines on lines.line_id = main_lines.line_id
    -- What the client put in an answer's place, such as "No response requested." after a resume, is none. An error of the API is
    -- written the same way, but the model had been asked.
    where main_lines.line_type = 'assistant' and (coalesce(lines.model_raw, '') <> '<synthetic>' or coalesce(lines.is_api_error, false))
    group by ordered.turn_id
)

select
    ordered.turn_id,
    ordered.session_id,
    ordered.next_turn_id,
    ordered.turn_number,
    ordered.thread_position,
    ordered.next_position,
    ordered.source_path,
    ordered.line_number as source_line,
    ordered.prompted_at,
    ordered.next_prompted_at,
    interruptions.interrupted_at,
    ordered.client_prompt_id,
    -- A command that the client answered by itself never reached the model.
    case
        when ordered.prompt_origin = 'command' and assistant_lines.assistant_line_count is null then 'local_command'
        else ordered.prompt_origin
    end as prompt_origin,
    coalesce(
        ordered.is_given_by_person
        and (
            ordered.prompt_origin in ('human', 'queued', 'plan_handover')
            or (ordered.prompt_origin in ('command', 'shell') and assistant_lines.assistant_line_count is not null)
        ),
        false
    ) as is_human,
    ordered.is_given_by_person,
    case
        when ordered.prompt_origin = 'command' then trim(
            '/' || ltrim({{ regex_group("ordered.prompt_text", "<command-name>\\s*([^<]*?)\\s*</command-name>") }}, '/') || ' '
            || {{ regex_group("ordered.prompt_text", "(?s)<command-args>\\s*(.*?)\\s*</command-args>") }}
        )
        when ordered.prompt_origin = 'shell'
            then '!' || {{ regex_group("ordered.prompt_text", "(?s)<bash-input>(.*?)</bash-input>") }}
        else ordered.prompt_text
    end as prompt_text,
    case
        when ordered.prompt_text is null then null
        when ordered.prompt_origin = 'plan_handover' then 'approved_plan'
        when ordered.is_given_by_person and ordered.prompt_origin in ('human', 'queued', 'command', 'shell', 'memory', 'rewritten')
            then 'person'
        else 'machine'
    end as text_source,
    nullif(ltrim({{ regex_group("ordered.prompt_text", "<command-name>\\s*/?([^<]*?)\\s*</command-name>") }}, '/'), '')
        as command_name,
    ordered.permission_mode,
    ordered.image_count,
    coalesce(assistant_lines.assistant_line_count, 0) as assistant_line_count,
    touched._batch_id
from ordered
inner join touched on touched.session_id = ordered.session_id
left join interruptions on interruptions.turn_id = ordered.turn_id
left join assistant_lines on assistant_lines.turn_id = ordered.turn_id
