{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

turns as (
    select turn_id, session_id, prompt_origin, prompted_at, prompt_text, command_name, permission_mode
    from {{ touched_rows(ref('int_turn')) }} as prompts
),

-- Whether the same call was made again later in the session or the turn: the same edit, a plan under the same
-- heading, another tool on the same target. Uses few columns, since a window carries them all.
repeats as (
    select
        tool_use_id,
        lead(tool_use_id) over (
            partition by session_id, tool_name, what
            order by called_at nulls last, tool_use_id
        ) is not null as was_made_again,
        lead(tool_use_id) over (
            partition by turn_id, tool_name, target order by called_at nulls last, tool_use_id
        ) is not null
            as was_made_again_in_turn
    from (
        select
            tool_use_id, session_id, turn_id, tool_name, target, called_at,
            case
                when tool_name in ('ExitPlanMode', 'exit_plan_mode')
                    then left(
                        {{ regex_group('coalesce(result.plan, tool_input.plan)', '^[\\s#]*([^\\n]*)') }}, 20
                    )
                when tool_name = 'EnterPlanMode' then null
                when target is null or tool_name in ('Edit', 'MultiEdit', 'Write', 'NotebookEdit')
                    then md5(tool_input_json)
                else target
            end as what
        from {{ touched_rows(ref('int_tool_call')) }} as called
    ) as narrow
),

-- Calls that contain a decision.
calls as (
    select
        calls.* exclude (tool_input, result),
        coalesce(calls.result.plan, calls.tool_input.plan) as plan_text,
        calls.result.planWasEdited as was_plan_edited,
        turns.prompt_text,
        turns.command_name,
        {{ is_broken_off(
            'calls.error_type', 'calls.tool_name', 'turns.permission_mode', 'calls.called_at',
            'calls.returned_at'
        ) }} as is_broken_off,
        {{ rejection_text('calls.error_text') }} as rejection_text,
        case
            when calls.tool_name = 'AskUserQuestion' and calls.call_status <> 'error' then 'question'
            when calls.tool_name in ('ExitPlanMode', 'exit_plan_mode') and calls.call_status <> 'error'
                then 'plan'
            when calls.tool_name = 'EnterPlanMode' and calls.call_status <> 'error' then 'plan_mode'
            when calls.call_status = 'denied' then 'permission'
            when calls.tool_name = 'Skill' and calls.target is not null then 'skill'
        end as decision_kind,
        repeats.was_made_again,
        repeats.was_made_again_in_turn
    from {{ touched_rows(ref('int_tool_call')) }} as calls
    inner join repeats on repeats.tool_use_id = calls.tool_use_id
    left join turns on turns.turn_id = calls.turn_id
    where
        calls.call_status = 'denied'
        or calls.tool_name in ('AskUserQuestion', 'ExitPlanMode', 'exit_plan_mode', 'EnterPlanMode', 'Skill')
),

-- Skills that the client had offered in the session before the call.
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
            'case when offered_skills.skill_name <> calls.target then offered_skills.skill_name end',
            'offered_skills.skill_name'
        ) }} as alternatives,
        count(*) as option_count
    from calls
    inner join offered_skills
        on offered_skills.session_id = calls.session_id and offered_skills.offered_at <= calls.called_at
    where calls.tool_name = 'Skill'
    group by calls.tool_use_id
),

decided as (
    select
        calls.*,
        questions.* exclude (tool_use_id, session_id, _batch_id, alternatives, option_count),
        coalesce(questions.alternatives, skill_alternatives.alternatives) as other_options,
        coalesce(questions.option_count, skill_alternatives.option_count) as offered_count,
        calls.call_status in ('denied', 'interrupted') as is_refused,
        case
            when calls.decision_kind = 'question'
                then coalesce(questions.note_text, calls.rejection_text, calls.user_feedback)
            when calls.decision_kind <> 'skill' then coalesce(calls.user_feedback, calls.rejection_text)
        end as user_reason,
        case
            when calls.decision_kind = 'question' then questions.chosen_description
            when calls.decision_kind = 'permission' and calls.error_type <> 'denied_user'
                then {{ regex_remove('calls.error_text', '</?tool_use_error>') }}
        end as other_reason
    from calls
    left join {{ ref('int_question') }} as questions on questions.tool_use_id = calls.tool_use_id
    left join skill_alternatives on skill_alternatives.tool_use_id = calls.tool_use_id
    where
        calls.decision_kind is not null
        and (calls.decision_kind <> 'question' or questions.tool_use_id is not null)
        and not (calls.decision_kind = 'permission' and calls.is_broken_off)
),

decisions as (
    select
        case
            when decision_kind = 'question' then {{ surrogate_key(['tool_use_id', 'question_number']) }}
            else tool_use_id
        end as decision_id,
        session_id,
        actor,
        turn_id,
        response_id,
        tool_use_id,
        called_at as put_at,
        case when decision_kind = 'skill' then called_at else returned_at end as decided_at,
        decision_kind,
        case
            when decision_kind not in ('permission', 'skill') then 'approach_selection'
            when
                decision_kind = 'permission' and target_path is not null
                and tool_name in ('Edit', 'MultiEdit', 'Write', 'NotebookEdit')
                then 'file_modification'
            else 'tool_choice'
        end as decision_type,
        case
            when decision_kind in ('plan_mode', 'skill') then 'agent'
            when decision_kind <> 'permission' or error_type = 'denied_user' then 'user'
            when error_type = 'denied_auto' then 'classifier'
            -- The client's own guard, or nobody was there to be asked.
            when
                {{ regex_matches(
                    'error_text', "'^(<tool_use_error>)?Blocked: sleep|but you haven.t granted it yet'"
                ) }}
                then 'client'
            else 'rule'
        end as decided_by,
        case decision_kind
            when 'question' then question_text
            when 'plan' then coalesce(left(plan_text, 2000), 'plan')
            when 'plan_mode' then 'plan mode'
            -- A tool without a target is identified by its input.
            when 'permission'
                then left(
                    tool_name
                    || coalesce(': ' || coalesce(target, nullif(left(tool_input_json, 300), '{}')), ''), 2000
                )
            -- Purpose of the choice: the command, or the text of the prompt.
            else coalesce('skill for ' || coalesce('/' || command_name, left(prompt_text, 300)), 'skill')
        end as context_text,
        case
            when decision_kind = 'skill' then target
            when decision_kind = 'question' and is_refused then 'dismissed'
            -- A counter-question is not a choice.
            when decision_kind = 'question' and answer_text = '(notes only)'
                then case when trim(note_text) not like '%?' then note_text end
            when decision_kind = 'question' then answer_text
            when decision_kind = 'plan_mode' then case when is_refused then 'declined' else 'plan_first' end
            when is_refused then 'rejected'
            when call_status = 'ok' and was_plan_edited then 'edited'
            when call_status = 'ok' then 'approved'
        end as option_chosen,
        case
            -- Old clients do not log the offered skills.
            when decision_kind in ('question', 'skill') then other_options
            when decision_kind = 'permission' then '["allowed"]'
            when decision_kind = 'plan_mode' then '["go_on_without_plan"]'
            when is_refused then '["approved"]'
            when call_status = 'ok' then '["rejected"]'
            else '["approved","rejected"]'
        end as alternatives,
        coalesce(user_reason, other_reason) as rationale,
        case
            when user_reason is not null then 'user'
            when decision_kind = 'permission' and error_type <> 'denied_user' then 'client'
            when other_reason is not null then 'option'
        end as rationale_source,
        is_refused and decision_kind <> 'skill' as was_rejected,
        case decision_kind
            when 'question' then was_asked_again
            when 'skill' then was_made_again_in_turn
            else was_made_again
        end as was_retried,
        decision_kind = 'question' and answer_text is not null and chosen_count = 0
        and not (answer_text = '(notes only)' and coalesce(trim(note_text) like '%?', false)) as is_free_text,
        case when decision_kind in ('question', 'skill') then offered_count else 2 end as option_count,
        chosen_number,
        call_status,
        case when decision_kind <> 'skill' then {{ ms_between('called_at', 'returned_at') }} end as wait_ms,
        source_path,
        source_line
    from decided
    union all
    select
        model_change_id,
        session_id,
        actor,
        turn_id,
        response_id,
        null,
        changed_at,
        changed_at,
        change_kind,
        'model_choice',
        changed_by,
        'model',
        model_name,
        case when previous_model is null then '[]' else {{ list_as_json("[previous_model]") }} end,
        fallback_trigger,
        case when fallback_trigger is not null then 'client' end,
        false,
        false,
        false,
        1,
        null,
        'ok',
        null,
        source_path,
        source_line
    from {{ touched_rows(ref('int_model_change')) }} as changes
)

select
    decision_id,
    decisions.session_id,
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
    -- A question without text has a hash too: its choice counts nevertheless.
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
    -- A clock that was set back gives no duration.
    case when wait_ms >= 0 then wait_ms end as wait_ms,
    source_path,
    source_line,
    touched._batch_id
from decisions
inner join touched on touched.session_id = decisions.session_id
