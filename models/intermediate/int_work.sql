-- An agent that the client refused and that never ran does not count: usually the agent invented the name.
with actors as (
    select * from {{ ref('int_actor') }}
),

started as (
    select agent_id from actors
    union
    select agent_id
    from {{ ref('int_session_work') }}
    where work_source <> 'team_task' and (run_actor is not null or outcome is distinct from 'rejected')
)

select
    work.work_id,
    work.work_source,
    work.session_id,
    work.actor,
    actors.agent_id as created_by_agent_id,
    work.turn_id,
    work.run_actor,
    case
        when work.work_source = 'team_task' or started.agent_id is not null then work.agent_id
        else {{ surrogate_key(["'subagent'", "'unknown'"]) }}
    end as agent_id,
    case
        when work.work_source = 'team_task' or started.agent_id is not null then work.agent_name
        else 'unknown'
    end as agent_name,
    case
        when work.work_source = 'team_task' or started.agent_id is not null then work.agent_type
        else 'subagent'
    end as agent_type,
    work.teammate_name,
    work.handed_to,
    work.workflow_run_id,
    work.description,
    work.prompt_text,
    work.requested_model,
    work.is_background,
    work.created_at,
    work.assigned_at,
    work.accepted_at,
    work.outcome,
    work.outcome_reason,
    work.ended_at,
    work.last_activity_at,
    work.returned_at,
    work.ended_by,
    work.returned_text,
    work.return_source_path,
    work.return_source_line,
    work.reported_tool_call_count,
    work.reported_edit_count,
    work.source_path,
    work.source_line,
    work._batch_id
from {{ ref('int_session_work') }} as work
left join started on started.agent_id = work.agent_id
left join actors on actors.session_id = work.session_id and actors.actor = work.actor
