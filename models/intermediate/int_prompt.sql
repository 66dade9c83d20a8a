{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['prompt_text']) }}

with touched as {{ touched_sessions() }},

main_lines as (
    select lines.*
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    where lines.actor = 'main'
),

-- A person's text is in the text blocks that do not start with a tag of the client.
line_texts as (
    select
        blocks.line_id,
        string_agg(blocks.block_text, chr(10) order by blocks.block_number)
        filter (
            where blocks.block_type = 'text'
            and not regexp_matches(
                blocks.block_text, '^\s*<(ide_|system-reminder|pasted_content|new-diagnostics)'
            )
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
        -- Text written by a call of the agent, such as the body of a command that it called, is not a prompt.
        and lines.source_tool_use_id is null
        and not texts.has_tool_result
        and (texts.prompt_text is not null or texts.image_count > 0)
        and (
            not (lines.is_meta or coalesce(lines.is_client_note, false))
            or lines.turn_origin = 'scheduled'
            or lines.scheduled_task_id is not null
            or lines.origin_kind in (
                'task-notification', 'peer', 'channel', 'coordinator', 'auto-continuation'
            )
        )
        and not regexp_matches(
            coalesce(texts.prompt_text, ''),
            '^\s*(<local-command-|<bash-(stdout|stderr)>|<command-contents>|\[Request interrupted by user'
            || '|Caveat: The messages below|This session is being continued from a previous conversation'
            || '|\(no content\)$)'
        )
),

-- A queued prompt that also has a line of its own is that line.
queued_only as (
    select queued.*
    from {{ touched_rows(ref('int_queued_prompt')) }} as queued
    anti join user_lines
        on user_lines.session_id = queued.session_id
        and (
            user_lines.line_uuid = queued.sent_line_uuid
            or queued.prompt_text in (user_lines.prompt_text, trim(user_lines.prompt_text))
        )
),

ranked_lines as (
    select
        *,
        row_number() over (
            partition by session_id, coalesce(client_prompt_id, line_uuid) order by thread_position
        ) as prompt_rank,
        -- Editor clients up to 2.1.22 wrote a resumed conversation into its file again, with new ids and the
        -- old times; a prompt with an image is then split into several lines.
        coalesce(
            row_number() over (partition by session_id, prompted_at order by thread_position) > 1
            and prompted_at is not null
            and contains(
                first_value(prompt_text) over (partition by session_id, prompted_at order by thread_position),
                prompt_text
            ),
            false
        ) as is_rewritten
    from user_lines
),

-- A command or shell line typed after the turn had ended, although it has the turn's prompt id.
late_lines as (
    select ranked_lines.line_uuid
    from ranked_lines
    inner join main_lines
        on main_lines.session_id = ranked_lines.session_id
        and main_lines.thread_position < ranked_lines.thread_position
        and main_lines.line_type in ('assistant', 'system')
    where
        ranked_lines.prompt_rank > 1
        and regexp_matches(ranked_lines.prompt_text, '^\s*<(bash-input|command-name|command-message)>')
    group by ranked_lines.line_uuid
    having
        max(main_lines.thread_position) filter (where main_lines.subtype = 'turn_duration')
        > max(main_lines.thread_position) filter (where main_lines.line_type = 'assistant')
),

-- Clients before 2.1.97 do not state that a program started them (`claude -p`). Such a session begins with a
-- prompt dequeued but never queued, and lacks the file snapshots that a terminal client takes per prompt.
printing_sessions as (
    select lines.session_id
    from {{ ref('stg_transcripts__line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    where
        lines.file_kind = 'session'
        and (lines.queue_operation is not null or lines.line_type = 'file-history-snapshot')
    group by lines.session_id
    having
        not bool_or(lines.line_type = 'file-history-snapshot')
        and min_by(lines.queue_operation, (lines.line_number, lines.queue_operation)) = 'dequeue'
),

-- All lines of a turn have one prompt id: a later line (a command typed meanwhile) starts no turn.
opening_lines as (
    select
        *,
        -- Who sent it, by the newest field that states it. A build server types nothing, and nobody typed
        -- what the client itself writes in a line without a sender.
        case
            when
                turn_origin in ('human', 'sdk', 'scheduled', 'task_notification', 'auto_continuation', 'peer')
                then turn_origin
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
        line_number as source_line,
        thread_position,
        prompted_at,
        client_prompt_id,
        permission_mode,
        case
            when is_rewritten then 'rewritten'
            when regexp_matches(prompt_text, '^\s*<command-(name|message)>') then 'command'
            when regexp_matches(prompt_text, '^\s*<bash-input>') then 'shell'
            when regexp_matches(prompt_text, '^\s*<(task|agent|bash)-notification\b') then 'task_notification'
            when regexp_matches(prompt_text, '^\s*<(teammate-message|cross-session-message|channel)\b')
                then 'peer'
            when regexp_matches(prompt_text, '^\s*<user-memory-input>') then 'memory'
            -- An approved plan that the client passed to a fresh context: the person approved it and typed
            -- nothing. Old clients do not mark the plan.
            when
                giver = 'human'
                and (
                    plan_content is not null
                    or (
                        coalesce(prompt_source, '') <> 'typed'
                        and regexp_matches(prompt_text, '^Implement the following plan:\s*\n')
                    )
                ) then 'plan_handover'
            else giver
        end as prompt_origin,
        giver = 'human' as is_given_by_person,
        prompt_text,
        false as is_in_queue_only,
        image_count
    from opening_lines
    union all
    select
        session_id,
        turn_id,
        source_path,
        source_line,
        thread_position,
        prompted_at,
        null,
        null,
        prompt_origin,
        true,
        prompt_text,
        is_in_queue_only,
        image_count
    from queued_only
)

select
    prompts.turn_id,
    prompts.session_id,
    prompts.source_path,
    prompts.source_line,
    prompts.prompted_at,
    prompts.client_prompt_id,
    prompts.prompt_origin,
    prompts.prompt_text,
    prompts.permission_mode,
    prompts.is_given_by_person,
    prompts.is_in_queue_only,
    prompts.thread_position,
    prompts.image_count,
    touched._batch_id
from prompts
inner join touched on touched.session_id = prompts.session_id
