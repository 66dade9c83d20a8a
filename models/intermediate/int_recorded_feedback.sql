{{ config(materialized='table') }}

with events as (
    select * from {{ ref('int_recorded_event') }}
    where event_kind = 'feedback' or hook_event = 'UserPromptExpansion'
),

commands as (
    select
        prompts.line_id,
        prompts.session_id,
        prompts.created_at as given_at,
        {{ feedback_type('prompts.command_name') }} as feedback_type,
        prompts.command_args as feedback_text,
        prompts.source_path,
        prompts.line_number as source_line,
        prompts._batch_id
    from {{ ref('stg_transcripts__blocked_prompt') }} as prompts
    anti join (
        select line_id from {{ ref('int_line_copy') }}
        where is_copy
    ) as copies
        on copies.line_id = prompts.line_id
    where {{ feedback_type('prompts.command_name') }} is not null
),

logged as (
    select
        *,
        row_number() over (
            partition by session_id, feedback_type, feedback_text order by given_at, source_line, line_id
        ) as feedback_number
    from commands
),

hooked as (
    select
        *,
        row_number() over (
            partition by session_id, feedback_type, feedback_text order by occurred_at, event_id
        ) as feedback_number
    from (
        select
            *,
            {{ feedback_type('payload.command_name') }} as feedback_type,
            nullif(trim(payload.command_args), '') as feedback_text
        from events
        where event_kind = 'hook'
    ) as typed
),

-- The client logs a stopped command without its prompt id, so the first logged command of a kind with these
-- words is matched to the first that the hook saw, and so on.
given_in_client as (
    select
        coalesce(hooked.event_id, {{ surrogate_key(["'blocked_prompt'", 'logged.line_id']) }}) as feedback_id,
        coalesce(hooked.session_id, logged.session_id) as session_id,
        cast(null as varchar) as named_turn_id,
        hooked.prompt_name as own_prompt_name,
        coalesce(hooked.occurred_at, logged.given_at) as given_at,
        coalesce(hooked.feedback_type, logged.feedback_type) as feedback_type,
        coalesce(hooked.feedback_text, logged.feedback_text) as feedback_text,
        hooked.user_id,
        case when hooked.event_id is null then 'observed' else 'recorded' end as provenance,
        cast(null as double) as rating,
        coalesce(logged.source_path, hooked.source_path) as source_path,
        coalesce(logged.source_line, hooked.source_line) as source_line,
        greatest(hooked._batch_id, logged._batch_id) as _batch_id
    from hooked
    full outer join logged
        on logged.session_id = hooked.session_id and logged.feedback_type = hooked.feedback_type
        and logged.feedback_text is not distinct from hooked.feedback_text
        and logged.feedback_number = hooked.feedback_number
),

-- If a program repeats the same feedback on the same prompt, it counts once.
told as (
    select
        event_id as feedback_id,
        session_id,
        case when is_prompt_named then turn_id end as named_turn_id,
        prompt_name,
        occurred_at as given_at,
        case
            when payload.feedback_type in ('thumbs_up', 'thumbs_down') then payload.feedback_type
            else 'report'
        end as feedback_type,
        nullif(trim(payload.comment), '') as feedback_text,
        user_id,
        'recorded' as provenance,
        payload.rating as rating,
        source_path,
        source_line,
        _batch_id,
        row_number() over (
            partition by
                coalesce(prompt_name, event_id), session_id, payload.feedback_type, payload.comment,
                payload.rating
            order by occurred_at, event_id
        ) as telling_number
    from events
    where event_kind = 'feedback'
),

-- A recording by a program about a command that the client has stopped is not a second judgement either.
told_once as (
    select told.*
    from told
    anti join given_in_client
        on given_in_client.session_id = told.session_id
        and given_in_client.own_prompt_name = told.prompt_name
        and given_in_client.feedback_type = told.feedback_type
    where told.telling_number = 1
)

select
    feedback_id,
    session_id,
    named_turn_id,
    given_at,
    feedback_type,
    feedback_text,
    user_id,
    provenance,
    rating,
    source_path,
    source_line,
    _batch_id
from given_in_client
union all
select
    feedback_id,
    session_id,
    named_turn_id,
    given_at,
    feedback_type,
    feedback_text,
    user_id,
    provenance,
    rating,
    source_path,
    source_line,
    _batch_id
from told_once
