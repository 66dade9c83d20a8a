{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns') }}

with touched as {{ touched_sessions() }},

turns as (
    select turn_id, session_id, prompt_origin, prompted_at, prompt_text, command_name, permission_mode
    from {{ touched_rows(ref('int_turn')) }} as prompts
),

-- Whether the same call was made again later in the session or the turn: the same edit, a plan under the same heading, another
-- tool on the same target. Over few columns, since a window carries them all.
repeats as (
    select
        tool_use_id,
        lead(tool_use_id) over (
            partition by session_id, tool_name, what
            order by called_at nulls last, tool_use_id
        ) is not null as was_made_again,
        lead(tool_use_id) over (partition by turn_id, tool_name, target order by called_at nulls last, tool_use_id) is not null
            as was_made_again_in_turn
    from (
        select
            tool_use_id, session_id, turn_id, tool_name, target, called_at,
            case
                when tool_name in ('ExitPlanMode', 'exit_plan_mode')
                    then left({{ regex_group('coalesce(result.plan, tool_input.plan)', '^[\\s#]*([^\\n]*)') }}, 20)
                when tool_name = 'EnterPlanMode' then null
                when target is null or tool_name in ('Edit', 'MultiEdit', 'Write', 'NotebookEdit') then md5(tool_input_json)
                else target
            end as what
        from {{ touched_rows(ref('int_tool_call')) }} as called
    ) as narrow
),

-- The calls in which something was decided.
calls as (
    select
        calls.*,
        turns.prompt_text,
        turns.command_name,
        {{ is_broken_off('calls.error_type', 'calls.tool_name', 'turns.permission_mode', 'calls.called_at', 'calls.returned_at') }}
            as is_broken_off,
        {{ rejection_text('calls.error_text') }} as rejection_text,
        repeats.was_made_again,
        repeats.was_made_again_in_turn
    from {{ touched_rows(ref('int_tool_call')) }} as calls
    inner join repeats on repeats.tool_use_id = calls.tool_use_id
    left join turns on turns.turn_id = calls.turn_id
    where
        calls.call_status = 'denied'
        or calls.tool_name in ('AskUserQuestion', 'ExitPlanMode', 'exit_plan_mode', 'EnterPlanMode', 'Skill')
),

questions as (
    select
        calls.*,
        asked.question_number,
        asked.question_text,
        asked.option_labels,
        asked.option_descriptions,
        asked.is_multi_select,
        asked.answer_text,
        asked.note_text,
        asked.unanswered_reason,
        -- The same words with other options are another question.
        lead(calls.tool_use_id) over (
            partition by calls.session_id, asked.question_text, asked.option_labels
            order by calls.called_at nulls last, calls.tool_use_id
        ) is not null as was_asked_again
    from calls
    inner join {{ ref('stg_transcripts__question') }} as asked on asked.tool_use_id = calls.tool_use_id
    where calls.tool_name = 'AskUserQuestion' and calls.call_status <> 'error'
),

question_options as (
    select
        tool_use_id,
        question_number,
        option_number,
        option_label,
        answer_text,
        case
            when is_multi_select then position(', ' || option_label || ',' in ', ' || answer_text || ',') > 0
            -- Who adds something to an option has chosen it.
            else option_label = answer_text
                or length(option_label) >= 5 and starts_with(answer_text, {{ regex_remove('option_label', ' \\(Recommended\\)$') }})
        end as is_chosen
    from {{ explode('questions', 'option_labels', 'option_label', 'option_number') }} as exploded
),

question_choices as (
    select
        tool_use_id,
        question_number,
        count(*) as option_count,
        count(*) filter (where is_chosen) as chosen_count,
        min(option_number) filter (where is_chosen) as chosen_number,
        {{ ordered_list_json('case when is_chosen is not true then option_label end', 'option_number') }} as alternatives
    from question_options
    group by all
),

option_descriptions as (
    select tool_use_id, question_number, option_number, option_description
    from {{ explode('questions', 'option_descriptions', 'option_description', 'option_number') }} as exploded
),

-- The skills that the client had offered in the session before the call.
offers as (
    select
        session_id,
        created_at,
        coalesce(attachment.names, {{ regex_groups('content_text', '(?m)^- (\\S+?): ') }}) as skill_names
    from {{ touched_rows(ref('stg_transcripts__attachment')) }} as attachments
    where attachment_type = 'skill_listing'
),

offered_skills as (
    select session_id, skill_name, min(created_at) as offered_at
    from {{ explode('offers', 'skill_names', 'skill_name', 'name_number') }} as exploded
    where skill_name is not null
    group by all
),

skill_alternatives as (
    select
        calls.tool_use_id,
        {{ ordered_list_json(
            'case when offered_skills.skill_name <> calls.target then offered_skills.skill_name end', 'offered_skills.skill_name'
        ) }} as alternatives,
        count(*) as option_count
    from calls
    inner join offered_skills on offered_skills.session_id = calls.session_id and offered_skills.offered_at <= calls.called_at
    where calls.tool_name = 'Skill'
    group by calls.tool_use_id
),

responses as (
    select
        responses.*,
        turns.turn_id,
        lag(responses.model_name) over main_thread as previous_model,
        lag(responses.started_at) over main_thread as previous_started_at
    from {{ touched_rows(ref('int_api_response')) }} as responses
    left join {{ ref('int_line_turn') }} as turns on turns.line_uuid = responses.first_line_uuid
    where responses.actor = 'main' and responses.model_name is not null
    window main_thread as (partition by responses.session_id order by responses.thread_position, responses.response_id)
),

-- A line may stand in two files of its session.
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
    inner join {{ ref('int_line_turn') }} as turns on turns.line_uuid = notices.line_uuid and turns.session_id = notices.session_id
),

notice_times as (
    select
        notices.* exclude (turn_id, copy_number),
        -- A turn that never reached the model is no task.
        case when not {{ is_local_prompt('prompts.prompt_origin') }} then notices.turn_id end as turn_id,
        coalesce(notices.created_at, prompts.prompted_at) as noticed_at
    from notices
    left join turns as prompts on prompts.turn_id = notices.turn_id
    where notices.copy_number = 1
),

decisions as (
    select
        {{ surrogate_key(['questions.tool_use_id', 'questions.question_number']) }} as decision_id,
        questions.session_id,
        questions.actor,
        questions.turn_id,
        questions.response_id,
        questions.tool_use_id,
        questions.called_at as put_at,
        questions.returned_at as decided_at,
        'question' as decision_kind,
        'approach_selection' as decision_type,
        'user' as decided_by,
        questions.question_text as context_text,
        case
            when questions.call_status in ('denied', 'interrupted') then 'dismissed'
            -- A question in return is no choice.
            when questions.answer_text = '(notes only)' then case when trim(questions.note_text) not like '%?' then questions.note_text end
            else questions.answer_text
        end as option_chosen,
        question_choices.alternatives,
        coalesce(questions.note_text, questions.rejection_text, questions.user_feedback, option_descriptions.option_description)
            as rationale,
        case
            when coalesce(questions.note_text, questions.rejection_text, questions.user_feedback) is not null then 'user'
            when option_descriptions.option_description is not null then 'option'
        end as rationale_source,
        questions.call_status in ('denied', 'interrupted') as was_rejected,
        questions.was_asked_again as was_retried,
        questions.answer_text is not null and coalesce(question_choices.chosen_count, 0) = 0
        and not (questions.answer_text = '(notes only)' and coalesce(trim(questions.note_text) like '%?', false)) as is_free_text,
        coalesce(question_choices.option_count, 0) as option_count,
        question_choices.chosen_number,
        questions.call_status,
        {{ ms_between('questions.called_at', 'questions.returned_at') }} as wait_ms,
        questions.source_path,
        questions.source_line,
        questions._batch_id
    from questions
    left join question_choices
        on question_choices.tool_use_id = questions.tool_use_id and question_choices.question_number = questions.question_number
    left join option_descriptions
        on option_descriptions.tool_use_id = questions.tool_use_id and option_descriptions.question_number = questions.question_number
        and option_descriptions.option_number = question_choices.chosen_number
    union all
    select
        tool_use_id as decision_id,
        session_id,
        actor,
        turn_id,
        response_id,
        tool_use_id,
        called_at,
        returned_at,
        'plan',
        'approach_selection',
        'user',
        coalesce(left(coalesce(result.plan, tool_input.plan), 2000), 'plan'),
        case
            when call_status in ('denied', 'interrupted') then 'rejected'
            when call_status = 'ok' and result.planWasEdited then 'edited'
            when call_status = 'ok' then 'approved'
        end,
        case
            when call_status in ('denied', 'interrupted') then '["approved"]'
            when call_status = 'ok' then '["rejected"]'
            else '["approved","rejected"]'
        end,
        coalesce(user_feedback, rejection_text),
        case when coalesce(user_feedback, rejection_text) is not null then 'user' end,
        call_status in ('denied', 'interrupted'),
        was_made_again,
        false,
        2,
        cast(null as bigint),
        call_status,
        {{ ms_between('called_at', 'returned_at') }},
        source_path,
        source_line,
        _batch_id
    from calls
    where tool_name in ('ExitPlanMode', 'exit_plan_mode') and call_status <> 'error'
    union all
    select
        tool_use_id as decision_id,
        session_id,
        actor,
        turn_id,
        response_id,
        tool_use_id,
        called_at,
        returned_at,
        'plan_mode',
        'approach_selection',
        'agent',
        'plan mode',
        case when call_status in ('denied', 'interrupted') then 'declined' else 'plan_first' end,
        '["go_on_without_plan"]',
        coalesce(user_feedback, rejection_text),
        case when coalesce(user_feedback, rejection_text) is not null then 'user' end,
        call_status in ('denied', 'interrupted'),
        was_made_again,
        false,
        2,
        cast(null as bigint),
        call_status,
        {{ ms_between('called_at', 'returned_at') }},
        source_path,
        source_line,
        _batch_id
    from calls
    where tool_name = 'EnterPlanMode' and call_status <> 'error'
    union all
    select
        tool_use_id as decision_id,
        session_id,
        actor,
        turn_id,
        response_id,
        tool_use_id,
        called_at,
        returned_at,
        'permission',
        case
            when target_path is not null and tool_name in ('Edit', 'MultiEdit', 'Write', 'NotebookEdit') then 'file_modification'
            else 'tool_choice'
        end,
        case
            when error_type = 'denied_user' then 'user'
            when error_type = 'denied_auto' then 'classifier'
            -- The client's own guard, or nobody there to be asked.
            when {{ regex_matches('error_text', "'^(<tool_use_error>)?Blocked: sleep|but you haven.t granted it yet'") }} then 'client'
            else 'rule'
        end,
        -- A tool without a target is told by what it was called with.
        left(tool_name || coalesce(': ' || coalesce(target, nullif(left(tool_input_json, 300), '{}')), ''), 2000),
        'rejected',
        '["allowed"]',
        coalesce(
            user_feedback, rejection_text,
            case when error_type <> 'denied_user' then {{ regex_remove('error_text', '</?tool_use_error>') }} end
        ),
        case
            when coalesce(user_feedback, rejection_text) is not null then 'user'
            when error_type <> 'denied_user' then 'client'
        end,
        true,
        was_made_again,
        false,
        2,
        cast(null as bigint),
        call_status,
        {{ ms_between('called_at', 'returned_at') }},
        source_path,
        source_line,
        _batch_id
    from calls
    where
        call_status = 'denied' and not is_broken_off
        and tool_name not in ('AskUserQuestion', 'ExitPlanMode', 'exit_plan_mode', 'EnterPlanMode')
    union all
    select
        calls.tool_use_id as decision_id,
        calls.session_id,
        calls.actor,
        calls.turn_id,
        calls.response_id,
        calls.tool_use_id,
        calls.called_at as put_at,
        calls.called_at as decided_at,
        'skill',
        'tool_choice',
        'agent',
        -- What it was chosen for: the command, or what the prompt says.
        coalesce('skill for ' || coalesce('/' || calls.command_name, left(calls.prompt_text, 300)), 'skill'),
        calls.target,
        -- Old clients do not log what they offer.
        skill_alternatives.alternatives,
        cast(null as varchar),
        cast(null as varchar),
        calls.call_status = 'denied',
        calls.was_made_again_in_turn,
        false,
        skill_alternatives.option_count,
        cast(null as bigint),
        calls.call_status,
        cast(null as bigint),
        calls.source_path,
        calls.source_line,
        calls._batch_id
    from calls
    left join skill_alternatives on skill_alternatives.tool_use_id = calls.tool_use_id
    where calls.tool_name = 'Skill' and calls.target is not null and calls.call_status <> 'denied'
    union all
    select
        {{ surrogate_key(['notice_times.line_uuid', "'model'"]) }},
        notice_times.session_id,
        notice_times.actor,
        notice_times.turn_id,
        cast(null as varchar),
        cast(null as varchar),
        notice_times.noticed_at as put_at,
        notice_times.noticed_at as decided_at,
        case notice_times.notice_kind when 'chosen' then 'model' else 'model_fallback' end,
        'model_choice',
        case notice_times.notice_kind when 'chosen' then 'user' else 'client' end,
        'model',
        notice_times.chosen_model,
        case when notice_times.original_model is null then '[]' else {{ list_as_json("[notice_times.original_model]") }} end,
        notice_times.fallback_trigger,
        case when notice_times.fallback_trigger is not null then 'client' end,
        false,
        false,
        false,
        1,
        cast(null as bigint),
        'ok',
        cast(null as bigint),
        notice_times.source_path,
        notice_times.line_number,
        notice_times._batch_id
    from notice_times
    union all
    -- A change of model that no line announces: another default, a resumed session, a plan mode with a model of its own.
    select
        {{ surrogate_key(['responses.response_id', "'model'"]) }},
        responses.session_id,
        responses.actor,
        responses.turn_id,
        responses.response_id,
        cast(null as varchar),
        responses.started_at as put_at,
        responses.started_at as decided_at,
        'model',
        'model_choice',
        'unknown',
        'model',
        responses.model_name,
        {{ list_as_json("[responses.previous_model]") }},
        cast(null as varchar),
        cast(null as varchar),
        false,
        false,
        false,
        1,
        cast(null as bigint),
        'ok',
        cast(null as bigint),
        responses.source_path,
        responses.source_line,
        responses._batch_id
    from responses
    where
        responses.previous_model <> responses.model_name
        and not exists (
            select 1 from notice_times
            where
                notice_times.session_id = responses.session_id and notice_times.noticed_at >= responses.previous_started_at
                and notice_times.noticed_at <= responses.started_at
        )
)

select
    decision_id,
    session_id,
    actor,
    turn_id,
    response_id,
    tool_use_id,
    put_at,
    decided_at,
    decision_kind,
    decision_type,
    decided_by,
    context_text,
    -- A question without its words has a hash too: its choice counts all the same.
    md5(coalesce(context_text, '')) as context_hash,
    option_chosen,
    alternatives,
    rationale,
    rationale_source,
    was_rejected,
    was_retried,
    is_free_text,
    option_count,
    chosen_number,
    call_status,
    -- A clock that was set back measures nothing.
    case when wait_ms >= 0 then wait_ms end as wait_ms,
    source_path,
    source_line,
    _batch_id
from decisions
