{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

responses as (
    select
        responses.*,
        lag(responses.model_name) over main_thread as previous_model,
        lag(responses.started_at) over main_thread as previous_started_at
    from {{ touched_rows(ref('int_api_response')) }} as responses
    where responses.actor = 'main' and responses.model_name is not null
    window main_thread as (
        partition by responses.session_id order by responses.thread_position, responses.response_id
    )
),

-- A line may be in two files of its session.
notices as (
    select
        notices.*,
        turns.turn_id,
        turns.actor,
        row_number() over (
            partition by notices.line_uuid
            order by notices.source_path, notices.line_number, notices.chosen_model, notices.notice_kind
        ) as copy_number
    from {{ touched_rows(ref('stg_transcripts__model_notice')) }} as notices
    inner join {{ ref('int_line_turn') }} as turns
        on turns.line_uuid = notices.line_uuid and turns.session_id = notices.session_id
),

notice_times as (
    select
        notices.* exclude (turn_id, copy_number),
        -- A turn that never reached the model is not a task.
        case when not {{ is_local_prompt('prompts.prompt_origin') }} then notices.turn_id end as turn_id,
        coalesce(notices.created_at, prompts.prompted_at) as noticed_at
    from notices
    left join {{ touched_rows(ref('int_turn')) }} as prompts on prompts.turn_id = notices.turn_id
    where notices.copy_number = 1
),

changes as (
    select
        {{ surrogate_key(['line_uuid', "'model'"]) }} as model_change_id,
        session_id,
        actor,
        turn_id,
        cast(null as varchar) as response_id,
        noticed_at as changed_at,
        case notice_kind when 'chosen' then 'model' else 'model_fallback' end as change_kind,
        case notice_kind when 'chosen' then 'user' else 'client' end as changed_by,
        original_model as previous_model,
        chosen_model as model_name,
        fallback_trigger,
        source_path,
        line_number as source_line
    from notice_times
    union all
    -- A model change that no line announces: a new default, a resumed session, plan mode's own model.
    select
        {{ surrogate_key(['responses.response_id', "'model'"]) }},
        responses.session_id,
        responses.actor,
        turns.turn_id,
        responses.response_id,
        responses.started_at,
        'model',
        'unknown',
        responses.previous_model,
        responses.model_name,
        null,
        responses.source_path,
        responses.source_line
    from responses
    left join {{ ref('int_line_turn') }} as turns on turns.line_uuid = responses.first_line_uuid
    where
        responses.previous_model <> responses.model_name
        and not exists (
            select 1 from notice_times
            where
                notice_times.session_id = responses.session_id
                and notice_times.noticed_at >= responses.previous_started_at
                and notice_times.noticed_at <= responses.started_at
        )
)

select
    changes.*,
    touched._batch_id
from changes
inner join touched on touched.session_id = changes.session_id
