{{ config(materialized='table') }}

-- A user who approves a plan and clears the context interrupts the turn; a new session with the plan begins
-- at once.
with handed_over as (
    select distinct plans.decision_id
    from {{ ref('int_session_decision') }} as plans
    inner join {{ ref('int_turn') }} as turns
        on abs({{ ms_between('plans.decided_at', 'turns.prompted_at') }}) <= 5000
        and turns.session_id <> plans.session_id
        and position(left(plans.context_text, 500) in turns.prompt_text) > 0
    where
        plans.decision_kind = 'plan' and plans.option_chosen = 'rejected' and plans.rationale is null
        -- Only if the text of the plan is known.
        and plans.context_text <> 'plan'
),

observed as (
    select
        decisions.decision_id,
        decisions.session_id,
        cast(null as varchar) as agent_id,
        decisions.actor,
        decisions.turn_id,
        decisions.turn_id as task_id,
        decisions.response_id,
        decisions.tool_use_id,
        decisions.put_at,
        decisions.decided_at,
        decisions.decision_kind,
        decisions.decision_type,
        decisions.decided_by,
        decisions.context_text,
        decisions.context_hash,
        case when handed_over.decision_id is null then decisions.option_chosen else 'approved' end
            as option_chosen,
        case when handed_over.decision_id is null then decisions.alternatives else '["rejected"]' end
            as alternatives,
        decisions.rationale,
        decisions.rationale_source,
        decisions.was_rejected and handed_over.decision_id is null as was_rejected,
        decisions.was_retried,
        decisions.is_free_text,
        decisions.option_count,
        decisions.chosen_number,
        decisions.call_status,
        decisions.wait_ms,
        'observed' as provenance,
        decisions.source_path,
        decisions.source_line,
        decisions._batch_id
    from {{ ref('int_session_decision') }} as decisions
    left join handed_over on handed_over.decision_id = decisions.decision_id
),

events as (
    select
        events.*,
        recordings.task_id,
        nullif(trim(events.payload.question), '') as question,
        nullif(trim(events.payload.chosen), '') as chosen,
        nullif(trim(events.payload.rationale), '') as given_rationale
    from {{ ref('int_recorded_event') }} as events
    left join {{ ref('int_task_recording') }} as recordings on recordings.event_id = events.event_id
    where events.event_kind = 'decision'
),

-- A decision recorded for a call is the decision that the call presented; if the call presented several, the
-- one with the same question. The latest record counts.
told_of_calls as (
    select
        events.event_id,
        events.chosen,
        events.given_rationale,
        events.occurred_at,
        counted.decision_id,
        row_number() over (partition by counted.decision_id order by events.occurred_at desc, events.event_id)
            as word_rank
    from events
    inner join (
        select
            decision_id,
            tool_use_id,
            context_text,
            count(*) over (partition by tool_use_id) as put_count
        from observed
        where tool_use_id is not null
    ) as counted
        on counted.tool_use_id = events.invocation_id
        and (counted.put_count = 1 or counted.context_text = events.question)
),

told_once as (
    select * from told_of_calls
    where word_rank = 1
),

in_transcripts as (
    select
        observed.* replace (
            coalesce(told_once.chosen, observed.option_chosen) as option_chosen,
            coalesce(told_once.given_rationale, observed.rationale) as rationale,
            case when told_once.given_rationale is not null then 'agent' else observed.rationale_source end
                as rationale_source,
            case when told_once.decision_id is null then observed.provenance else 'recorded' end as provenance
        )
    from observed
    left join told_once on told_once.decision_id = observed.decision_id
),

only_recorded as (
    select
        events.event_id as decision_id,
        events.session_id,
        events.agent_id,
        events.actor,
        events.turn_id,
        coalesce(events.task_id, events.turn_task_id) as task_id,
        events.invocation_id as tool_use_id,
        events.occurred_at as put_at,
        events.occurred_at as decided_at,
        'recorded' as decision_kind,
        coalesce(nullif(lower(trim(events.payload.decision_type)), ''), 'approach_selection')
            as decision_type,
        'agent' as decided_by,
        left(events.question, 2000) as context_text,
        coalesce(nullif(events.payload.context_hash, ''), md5(coalesce(events.question, ''))) as context_hash,
        events.chosen as option_chosen,
        {{ list_as_json(list_without('coalesce(events.payload.options, [])', 'events.chosen')) }}
            as alternatives,
        events.given_rationale as rationale,
        case when events.given_rationale is not null then 'agent' end as rationale_source,
        false as was_rejected,
        false as was_retried,
        false as is_free_text,
        coalesce(len(events.payload.options), 0) as option_count,
        nullif(array_position(events.payload.options, events.chosen), 0) as chosen_number,
        'ok' as call_status,
        'recorded' as provenance,
        events.source_path,
        events.source_line,
        events._batch_id
    from events
    anti join told_of_calls on told_of_calls.event_id = events.event_id
),

decisions as (
    select * from in_transcripts
    union all by name
    select * from only_recorded
)

select
    decision_id,
    session_id,
    agent_id,
    actor,
    turn_id,
    task_id,
    response_id,
    tool_use_id,
    put_at,
    decided_at,
    decision_kind,
    decision_type,
    decided_by,
    context_text,
    context_hash,
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
    wait_ms,
    provenance,
    source_path,
    source_line,
    _batch_id
from decisions
