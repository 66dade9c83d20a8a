{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['prompt_text', 'returned_text']
) }}

with touched as {{ touched_sessions() }},

delegations as (
    select
        *,
        coalesce(result.agentId, result.taskId, result.runId) as handed_to
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    where tool_name in ('Agent', 'Task', 'Workflow')
),

-- A resumed run is one run; a call has two runs when a client retried.
runs as (
    select
        runs.spawn_tool_use_id,
        runs.session_id,
        runs.actor,
        runs.started_at,
        runs.ended_at,
        runs.was_stopped_by_user,
        row_number() over (
            partition by runs.spawn_tool_use_id order by runs.started_at nulls last, runs.actor
        ) as run_rank
    from {{ ref('int_actor') }} as runs
    where runs.spawn_tool_use_id is not null
),

-- A workflow's agents have no call of their own.
workflow_runs as (
    select
        delegations.tool_use_id,
        runs.session_id,
        runs.agent_id,
        min(runs.actor) as actor,
        min(runs.started_at) as started_at,
        max(runs.ended_at) as ended_at,
        bool_or(runs.was_stopped_by_user) as was_stopped_by_user,
        count(*) as run_count
    from delegations
    inner join {{ ref('int_actor') }} as runs
        on runs.session_id = delegations.session_id and runs.workflow_run_id = delegations.result.runId
    where delegations.tool_name = 'Workflow'
    group by all
),

last_stops as (
    select
        session_id,
        actor,
        {{ value_at_max('stop_reason', '(thread_position, response_id)') }} as stop_reason
    from {{ touched_rows(ref('int_api_response')) }} as responses
    where actor <> 'main'
    group by all
),

agent_work as (
    select
        delegations.tool_use_id as work_id,
        case when delegations.tool_name = 'Workflow' then 'workflow' else 'delegation' end as work_source,
        delegations.session_id,
        delegations.actor,
        delegations.turn_id,
        coalesce(runs.actor, workflow_runs.actor) as run_actor,
        coalesce(
            workflow_runs.agent_id, actors.agent_id,
            case
                when delegations.tool_name = 'Workflow'
                    then {{ surrogate_key(["'subagent'", "'workflow-subagent'"]) }}
                when delegations.tool_input.name is not null and delegations.tool_input.team_name is not null
                    then {{ surrogate_key(["'team_member'", 'delegations.tool_input.name']) }}
                else {{ surrogate_key([
                    "'subagent'",
                    "coalesce(nullif(delegations.result.agentType, ''), "
                    ~ "nullif(delegations.tool_input.subagent_type, ''), 'general-purpose')"
                ]) }}
            end
        ) as agent_id,
        coalesce(
            actors.agent_name,
            case
                when delegations.tool_name = 'Workflow' then 'workflow-subagent'
                when delegations.tool_input.name is not null and delegations.tool_input.team_name is not null
                    then delegations.tool_input.name
                else coalesce(
                        nullif(delegations.result.agentType, ''),
                        nullif(delegations.tool_input.subagent_type, ''), 'general-purpose'
                    )
            end
        ) as agent_name,
        case
            when actors.agent_type is not null then actors.agent_type
            when delegations.tool_input.name is not null and delegations.tool_input.team_name is not null
                then 'team_member'
            else 'subagent'
        end as agent_type,
        delegations.tool_input.name as teammate_name,
        delegations.handed_to,
        case when delegations.tool_name = 'Workflow' then nullif(delegations.result.runId, '') end
            as workflow_run_id,
        coalesce(
            delegations.tool_input.description, delegations.tool_input.name, delegations.result.workflowName,
            left(delegations.tool_input.prompt, 200)
        ) as description,
        delegations.tool_input.prompt as prompt_text,
        delegations.tool_input.model as requested_model,
        delegations.is_background,
        delegations.called_at as created_at,
        delegations.called_at as assigned_at,
        -- Without lines of the run, its start is the end minus the duration, both as reported by the client.
        coalesce(
            runs.started_at, workflow_runs.started_at,
            case
                when delegations.is_background then delegations.returned_at
                when delegations.is_success and delegations.duration_method = 'exact'
                    then {{ ms_before('delegations.returned_at', 'delegations.duration_ms') }}
                when delegations.is_success then delegations.called_at
            end
        ) as accepted_at,
        case
            when delegations.call_status = 'denied' then 'rejected'
            when delegations.call_status = 'error'
                then case when runs.started_at is null then 'rejected' else 'abandoned' end
            when delegations.call_status = 'interrupted' then 'abandoned'
            when ends.is_api_error then 'abandoned'
            when ends.end_status = 'completed' then 'completed'
            when ends.end_status is not null then 'abandoned'
            when coalesce(runs.was_stopped_by_user, workflow_runs.was_stopped_by_user, false) then 'abandoned'
            when last_stops.stop_reason = 'end_turn' then 'completed'
        end as outcome,
        case
            when delegations.call_status in ('denied', 'error', 'interrupted')
                then coalesce(delegations.user_feedback, delegations.error_type)
            when ends.is_api_error then 'api_error'
            when ends.end_status <> 'completed' then ends.end_status
            when ends.ended_by is not null then ends.ended_by
            when coalesce(runs.was_stopped_by_user, workflow_runs.was_stopped_by_user, false)
                then 'stopped_by_user'
            when last_stops.stop_reason = 'end_turn' then 'run_end'
        end as outcome_reason,
        coalesce(
            ends.ended_at,
            case
                when delegations.call_status in ('denied', 'error', 'interrupted')
                    then delegations.returned_at
            end,
            case
                when last_stops.stop_reason = 'end_turn' then coalesce(runs.ended_at, workflow_runs.ended_at)
            end
        ) as ended_at,
        coalesce(runs.ended_at, workflow_runs.ended_at) as last_activity_at,
        ends.returned_at,
        ends.returned_by as ended_by,
        ends.returned_text,
        ends.return_source_path,
        ends.return_source_line,
        delegations.result.totalToolUseCount as reported_tool_call_count,
        delegations.result.toolStats.editFileCount as reported_edit_count,
        delegations.source_path,
        delegations.source_line,
        delegations._batch_id
    from delegations
    left join runs on runs.spawn_tool_use_id = delegations.tool_use_id and runs.run_rank = 1
    left join workflow_runs on workflow_runs.tool_use_id = delegations.tool_use_id
    left join {{ ref('int_actor') }} as actors
        on actors.session_id = runs.session_id and actors.actor = runs.actor
    left join last_stops
        on last_stops.session_id = delegations.session_id
        and last_stops.actor = coalesce(runs.actor, workflow_runs.actor)
    left join {{ ref('int_delegation_end') }} as ends on ends.tool_use_id = delegations.tool_use_id
),

-- An owner is identified by the name that a delegation of the session gave.
named_agents as (
    select
        session_id,
        teammate_name,
        min_by(agent_id, (created_at, work_id)) as agent_id,
        min_by(agent_name, (created_at, work_id)) as agent_name,
        min_by(agent_type, (created_at, work_id)) as agent_type
    from agent_work
    where teammate_name is not null
    group by all
),

team_work as (
    select
        items.tool_use_id as work_id,
        'team_task' as work_source,
        items.session_id,
        items.actor,
        items.turn_id,
        cast(null as varchar) as run_actor,
        coalesce(named_agents.agent_id, {{ surrogate_key(["'team_member'", 'owned_items.owner']) }})
            as agent_id,
        coalesce(named_agents.agent_name, owned_items.owner) as agent_name,
        coalesce(named_agents.agent_type, 'team_member') as agent_type,
        owned_items.owner as teammate_name,
        cast(null as varchar) as handed_to,
        cast(null as varchar) as workflow_run_id,
        coalesce(items.tool_input.subject, items.result.task.subject, items.tool_input.description)
            as description,
        items.tool_input.description as prompt_text,
        cast(null as varchar) as requested_model,
        true as is_background,
        items.called_at as created_at,
        owned_items.assigned_at,
        owned_items.accepted_at,
        case
            when owned_items.handed_on_at is not null then 'abandoned'
            when owned_items.last_status = 'completed' then 'completed'
            when owned_items.last_status = 'deleted' then 'abandoned'
        end as outcome,
        case
            when owned_items.handed_on_at is not null then 'handed_on'
            when owned_items.last_status in ('completed', 'deleted') then 'task_list'
        end as outcome_reason,
        coalesce(
            owned_items.handed_on_at,
            case when owned_items.last_status in ('completed', 'deleted') then owned_items.last_updated_at end
        ) as ended_at,
        owned_items.last_updated_at as last_activity_at,
        cast(null as timestamp) as returned_at,
        cast(null as varchar) as ended_by,
        cast(null as varchar) as returned_text,
        cast(null as varchar) as return_source_path,
        cast(null as bigint) as return_source_line,
        cast(null as bigint) as reported_tool_call_count,
        cast(null as bigint) as reported_edit_count,
        owned_items.source_path,
        owned_items.source_line,
        items._batch_id
    from {{ touched_rows(ref('int_owned_item')) }} as owned_items
    inner join {{ ref('int_tool_call') }} as items on items.tool_use_id = owned_items.work_id
    left join named_agents
        on named_agents.session_id = items.session_id and named_agents.teammate_name = owned_items.owner
)

select * from agent_work
union all
select * from team_work
