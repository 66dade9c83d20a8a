{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['prompt_text']) }}

with touched as {{ touched_sessions() }},

main_lines as (
    select lines.*
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    where lines.actor = 'main'
),

prompts as (
    select prompts.*
    from {{ ref('int_prompt') }} as prompts
    semi join touched on touched.session_id = prompts.session_id
),

-- The lines of a session before its first known prompt (cut-off file, lost parent) form a turn too.
unprompted as (
    select
        lines.session_id,
        {{ surrogate_key(['lines.session_id', "'start'"]) }} as turn_id,
        min(lines.created_at) as prompted_at,
        min_by(lines.source_path, (lines.created_at, lines.line_uuid)) as source_path,
        min_by(lines.line_number, (lines.created_at, lines.line_uuid)) as source_line
    from {{ ref('int_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    left join (
        select session_id, min(thread_position) as first_position, min(prompted_at) as first_prompted_at
        from prompts
        group by session_id
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
    -- If one id is used for many lines, its responses may have no place in a thread; they still count.
    select
        answers.session_id,
        {{ surrogate_key(['answers.session_id', "'start'"]) }} as turn_id,
        min(answers.created_at) as prompted_at,
        min_by(answers.source_path, (answers.created_at, answers.source_path, answers.line_number))
            as source_path,
        min_by(answers.line_number, (answers.created_at, answers.source_path, answers.line_number))
            as source_line
    from {{ ref('stg_transcripts__line') }} as answers
    semi join touched on touched.session_id = answers.session_id
    semi join {{ ref('int_response_line') }} as counted on counted.session_id = answers.session_id
    anti join {{ ref('int_line') }} as lines
        on lines.session_id = answers.session_id and lines.line_type = 'assistant'
    anti join prompts on prompts.session_id = answers.session_id
    where answers.line_type = 'assistant'
    group by answers.session_id
),

turns as (
    select
        turn_id,
        session_id,
        source_path,
        source_line,
        prompted_at,
        client_prompt_id,
        prompt_origin,
        prompt_text,
        permission_mode,
        is_given_by_person,
        is_in_queue_only,
        thread_position,
        image_count
    from prompts
    union all
    select
        turn_id,
        session_id,
        -- The way back to the log: the first line of the work.
        source_path,
        source_line,
        prompted_at,
        null,
        'unknown',
        null,
        null,
        false,
        false,
        0,
        0
    from unprompted
),

numbered as (
    select
        *,
        -- A prompt that is only in the queue comes before the one whose line it would share.
        row_number() over (
            partition by session_id order by thread_position, not is_in_queue_only, source_line, turn_id
        ) as turn_number
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
    -- Text that the client writes instead of a response, such as "No response requested." after a resume,
    -- does not count. An API error is written in the same way, but the model had been called.
    where
        main_lines.line_type = 'assistant'
        and (coalesce(lines.model_raw, '') <> '<synthetic>' or coalesce(lines.is_api_error, false))
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
    ordered.source_line,
    ordered.prompted_at,
    ordered.next_prompted_at,
    interruptions.interrupted_at,
    ordered.client_prompt_id,
    -- A command that the client answered by itself never reached the model.
    case
        when ordered.prompt_origin = 'command' and assistant_lines.assistant_line_count is null
            then 'local_command'
        else ordered.prompt_origin
    end as prompt_origin,
    coalesce(
        ordered.is_given_by_person
        and (
            ordered.prompt_origin in ('human', 'queued', 'plan_handover')
            or (
                ordered.prompt_origin in ('command', 'shell')
                and assistant_lines.assistant_line_count is not null
            )
        ),
        false
    ) as is_human,
    ordered.is_given_by_person,
    case
        when ordered.prompt_origin = 'command'
            then trim(
                '/'
                || ltrim(
                    {{ regex_group("ordered.prompt_text", "<command-name>\\s*([^<]*?)\\s*</command-name>") }},
                    '/'
                )
                || ' '
                || {{ regex_group("ordered.prompt_text", "(?s)<command-args>\\s*(.*?)\\s*</command-args>") }}
            )
        when ordered.prompt_origin = 'shell'
            then '!' || {{ regex_group("ordered.prompt_text", "(?s)<bash-input>(.*?)</bash-input>") }}
        else ordered.prompt_text
    end as prompt_text,
    case
        when ordered.prompt_text is null then null
        when ordered.prompt_origin = 'plan_handover' then 'approved_plan'
        when
            ordered.is_given_by_person
            and ordered.prompt_origin in ('human', 'queued', 'command', 'shell', 'memory', 'rewritten')
            then 'person'
        else 'machine'
    end as text_source,
    nullif(
        ltrim(
            {{ regex_group("ordered.prompt_text", "<command-name>\\s*/?([^<]*?)\\s*</command-name>") }}, '/'
        ), ''
    ) as command_name,
    ordered.permission_mode,
    ordered.image_count,
    coalesce(assistant_lines.assistant_line_count, 0) as assistant_line_count,
    touched._batch_id
from ordered
inner join touched on touched.session_id = ordered.session_id
left join interruptions on interruptions.turn_id = ordered.turn_id
left join assistant_lines on assistant_lines.turn_id = ordered.turn_id
