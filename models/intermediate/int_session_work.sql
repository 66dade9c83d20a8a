{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns', zstd_columns=['prompt_text', 'returned_text']) }}

with touched as {{ touched_sessions() }},

calls as (
    select calls.*
    from {{ ref('int_tool_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    where calls.tool_name in ('Agent', 'Task', 'Workflow', 'TaskOutput', 'TaskStop', 'TaskCreate', 'TaskUpdate')
),

delegations as (
    select
        *,
        coalesce(result.agentId, result.taskId, result.runId) as handed_to
    from calls
    where tool_name in ('Agent', 'Task', 'Workflow')
),

-- A run that was resumed is one run; two runs of one call happen where a client tried again.
runs as (
    select
        runs.spawn_tool_use_id,
        runs.session_id,
        runs.actor,
        runs.started_at,
        runs.ended_at,
        runs.was_stopped_by_user,
        row_number() over (partition by runs.spawn_tool_use_id order by runs.started_at nulls last, runs.actor) as run_rank
    from {{ ref('int_actor') }} as runs
    where runs.spawn_tool_use_id is not null
),

-- The agents of a workflow have no call of their own; their files lie in a folder named like the workflow's run.
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
        on runs.session_id = delegations.session_id and runs.actor <> 'main'
        and contains(runs.source_path, '/' || delegations.result.runId || '/')
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

-- Notices that background work ended. The client queues one at once and gives it to the agent when it has time: as a prompt,
-- as one of several that come together, or not at all where the agent had fetched the result by itself.
notice_texts as (
    select
        lines.session_id,
        lines.created_at as noticed_at,
        lines.queued_text as notice_text,
        lines.source_path,
        lines.line_number as source_line
    from {{ touched_rows(ref('stg_transcripts__line')) }} as lines
    where lines.queue_operation = 'enqueue'
    union all
    select
        session_id,
        created_at,
        block_text,
        source_path,
        line_number
    from {{ touched_rows(ref('int_block')) }} as blocks
    where line_type = 'user' and block_type = 'text'
    union all
    select session_id, prompted_at, prompt_text, source_path, source_line
    from {{ touched_rows(ref('int_turn')) }} as turns
    where prompt_origin = 'task_notification'
),

notices as (
    select
        *,
        {{ regex_group('notice_text', '<tool-use-id>\\s*([^<\\s]+)') }} as notice_tool_use_id,
        {{ regex_group('notice_text', '<(?:task|agent)-id>\\s*([^<\\s]+)') }} as notice_task_id,
        {{ regex_group('notice_text', '<status>\\s*([a-z_]+)') }} as notice_status,
        nullif({{ regex_group('notice_text', '(?s)<result>(.*?)</result>') }}, '') as notice_result,
        nullif({{ regex_group('notice_text', '(?s)<summary>(.*?)</summary>') }}, '') as notice_summary
    from notice_texts
    where {{ regex_matches('notice_text', "'^\\s*<(task|agent)-notification>'") }}
),

-- What came back: the call's own result, else the first notice that the work ended, else what the agent fetched itself.
ends as (
    select
        delegations.tool_use_id,
        'result' as ended_by,
        delegations.returned_at as ended_at,
        'completed' as end_status,
        blocks.block_text as returned_text,
        true as is_whole_result,
        delegations.result_source_path as source_path,
        delegations.result_source_line as source_line
    from delegations
    inner join {{ touched_rows(ref('int_block')) }} as blocks
        on blocks.line_uuid = delegations.result_line_uuid and blocks.tool_use_id = delegations.tool_use_id
        and blocks.block_type = 'tool_result'
    where delegations.is_success and not delegations.is_background
    union all
    select
        delegations.tool_use_id,
        'notification' as ended_by,
        notices.noticed_at as ended_at,
        notices.notice_status as end_status,
        coalesce(notices.notice_result, notices.notice_summary) as returned_text,
        notices.notice_result is not null as is_whole_result,
        notices.source_path,
        notices.source_line
    from delegations
    inner join notices
        on notices.notice_status <> ''
        -- By the call, else by what it started: an agent that was sent to work again has a notice for each time.
        and (
            notices.notice_tool_use_id = delegations.tool_use_id
            or (
                notices.session_id = delegations.session_id and notices.notice_task_id = delegations.handed_to
                and notices.noticed_at >= delegations.called_at
            )
        )
    union all
    select
        delegations.tool_use_id,
        'task_output' as ended_by,
        fetched.returned_at as ended_at,
        fetched.result.task.status as end_status,
        fetched.result.task.output as returned_text,
        coalesce(fetched.result.task.output, '') <> '' as is_whole_result,
        fetched.result_source_path as source_path,
        fetched.result_source_line as source_line
    from delegations
    inner join calls as fetched
        on fetched.session_id = delegations.session_id and fetched.tool_name = 'TaskOutput'
        and fetched.result.task.task_id = delegations.handed_to
    where fetched.result.task.status not in ('running', 'pending')
    union all
    select
        delegations.tool_use_id,
        'task_stop' as ended_by,
        stops.called_at as ended_at,
        'stopped' as end_status,
        cast(null as varchar) as returned_text,
        false as is_whole_result,
        stops.source_path,
        stops.source_line
    from delegations
    inner join calls as stops
        on stops.session_id = delegations.session_id and stops.tool_name = 'TaskStop' and stops.is_success
        and stops.tool_input.task_id = delegations.handed_to
),

first_ends as (
    select
        *,
        row_number() over (
            partition by tool_use_id order by ended_at nulls last, ended_by = 'task_output', source_path, source_line
        ) as end_rank
    from ends
),

-- A notice may say only that the work is done; what came of it is then what the agent fetched afterwards.
returns as (
    select
        returned.*,
        -- An agent whose last request failed comes back with the client's words about it.
        coalesce({{ regex_matches('returned.returned_text', "'^\\s*API Error\\b'") }}, false) as is_api_error,
        row_number() over (
            partition by returned.tool_use_id
            order by
                not returned.is_whole_result, returned.ended_at nulls last, returned.ended_by = 'task_output', returned.source_path,
                returned.source_line
        ) as return_rank
    from ends as returned
    inner join first_ends on first_ends.tool_use_id = returned.tool_use_id and first_ends.end_rank = 1
    where returned.end_status = first_ends.end_status
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
                when delegations.tool_name = 'Workflow' then {{ surrogate_key(["'subagent'", "'workflow-subagent'"]) }}
                when delegations.tool_input.name is not null and delegations.tool_input.team_name is not null
                    then {{ surrogate_key(["'team_member'", 'delegations.tool_input.name']) }}
                else {{ surrogate_key([
                    "'subagent'", "coalesce(nullif(delegations.result.agentType, ''), nullif(delegations.tool_input.subagent_type, ''), 'general-purpose')"
                ]) }}
            end
        ) as agent_id,
        coalesce(
            actors.agent_name,
            case
                when delegations.tool_name = 'Workflow' then 'workflow-subagent'
                when delegations.tool_input.name is not null and delegations.tool_input.team_name is not null
                    then delegations.tool_input.name
                else coalesce(nullif(delegations.result.agentType, ''), nullif(delegations.tool_input.subagent_type, ''), 'general-purpose')
            end
        ) as agent_name,
        case
            when actors.agent_type is not null then actors.agent_type
            when delegations.tool_input.name is not null and delegations.tool_input.team_name is not null then 'team_member'
            else 'subagent'
        end as agent_type,
        delegations.tool_input.name as teammate_name,
        delegations.handed_to,
        coalesce(
            delegations.tool_input.description, delegations.tool_input.name, delegations.result.workflowName,
            left(delegations.tool_input.prompt, 200)
        ) as description,
        delegations.tool_input.prompt as prompt_text,
        delegations.tool_input.model as requested_model,
        delegations.is_background,
        delegations.called_at as created_at,
        delegations.called_at as assigned_at,
        -- Without the run's own lines it is the start that the client reported: the end less the duration it measured.
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
            when delegations.call_status = 'error' then case when runs.started_at is null then 'rejected' else 'abandoned' end
            when delegations.call_status = 'interrupted' then 'abandoned'
            when returns.is_api_error then 'abandoned'
            when first_ends.end_status = 'completed' then 'completed'
            when first_ends.end_status is not null then 'abandoned'
            when coalesce(runs.was_stopped_by_user, workflow_runs.was_stopped_by_user, false) then 'abandoned'
            when last_stops.stop_reason = 'end_turn' then 'completed'
        end as outcome,
        case
            when delegations.call_status in ('denied', 'error', 'interrupted')
                then coalesce(delegations.user_feedback, delegations.error_type)
            when returns.is_api_error then 'api_error'
            when first_ends.end_status <> 'completed' then first_ends.end_status
            when first_ends.ended_by is not null then first_ends.ended_by
            when coalesce(runs.was_stopped_by_user, workflow_runs.was_stopped_by_user, false) then 'stopped_by_user'
            when last_stops.stop_reason = 'end_turn' then 'run_end'
        end as outcome_reason,
        coalesce(
            first_ends.ended_at, case when delegations.call_status in ('denied', 'error', 'interrupted') then delegations.returned_at end,
            case when last_stops.stop_reason = 'end_turn' then coalesce(runs.ended_at, workflow_runs.ended_at) end
        ) as ended_at,
        coalesce(runs.ended_at, workflow_runs.ended_at) as last_activity_at,
        returns.ended_at as returned_at,
        returns.ended_by,
        returns.returned_text,
        returns.source_path as return_source_path,
        returns.source_line as return_source_line,
        delegations.result.totalToolUseCount as reported_tool_call_count,
        delegations.result.toolStats.editFileCount as reported_edit_count,
        delegations.source_path,
        delegations.source_line,
        delegations._batch_id
    from delegations
    left join runs on runs.spawn_tool_use_id = delegations.tool_use_id and runs.run_rank = 1
    left join workflow_runs on workflow_runs.tool_use_id = delegations.tool_use_id
    left join {{ ref('int_actor') }} as actors on actors.session_id = runs.session_id and actors.actor = runs.actor
    left join last_stops
        on last_stops.session_id = delegations.session_id and last_stops.actor = coalesce(runs.actor, workflow_runs.actor)
    left join first_ends on first_ends.tool_use_id = delegations.tool_use_id and first_ends.end_rank = 1
    left join returns on returns.tool_use_id = delegations.tool_use_id and returns.return_rank = 1
),

-- The ids of the task list start anew with each list: an update means the last item with its id that came before it.
list_updates as (
    select
        items.tool_use_id as work_id,
        updates.tool_use_id as update_id,
        updates.actor,
        updates.called_at,
        updates.tool_input.owner as owner,
        coalesce(updates.result.statusChange.to, updates.tool_input.status) as to_status,
        updates.source_path,
        updates.source_line,
        row_number() over (partition by updates.tool_use_id order by items.called_at desc, items.tool_use_id) as item_rank
    from calls as updates
    inner join calls as items
        on items.session_id = updates.session_id and items.tool_name = 'TaskCreate' and items.is_success
        and items.result.task.id = coalesce(updates.result.taskId, updates.tool_input.taskId)
        and items.called_at <= updates.called_at
    where updates.tool_name = 'TaskUpdate' and updates.is_success
),

owned_items as (
    select
        work_id,
        owner,
        min(called_at) as assigned_at,
        min_by(source_path, (called_at, update_id)) as source_path,
        min_by(source_line, (called_at, update_id)) as source_line,
        -- An item that is handed on is the next owner's.
        lead(min(called_at)) over (partition by work_id order by min(called_at), owner) as handed_on_at
    from list_updates
    where item_rank = 1 and owner is not null and owner <> ''
    group by work_id, owner
),

item_ends as (
    select
        owned_items.work_id,
        owned_items.owner,
        min(updates.called_at) filter (where updates.to_status = 'in_progress') as accepted_at,
        max_by(updates.to_status, (updates.called_at, updates.update_id)) filter (where updates.to_status is not null) as last_status,
        max(updates.called_at) as last_updated_at
    from owned_items
    inner join list_updates as updates on updates.work_id = owned_items.work_id and updates.item_rank = 1
    where owned_items.handed_on_at is null or updates.called_at < owned_items.handed_on_at
    group by all
),

-- An owner is known by the name that a delegation of the session gave.
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
        coalesce(named_agents.agent_id, {{ surrogate_key(["'team_member'", 'owned_items.owner']) }}) as agent_id,
        coalesce(named_agents.agent_name, owned_items.owner) as agent_name,
        coalesce(named_agents.agent_type, 'team_member') as agent_type,
        owned_items.owner as teammate_name,
        cast(null as varchar) as handed_to,
        coalesce(items.tool_input.subject, items.result.task.subject, items.tool_input.description) as description,
        items.tool_input.description as prompt_text,
        cast(null as varchar) as requested_model,
        true as is_background,
        items.called_at as created_at,
        owned_items.assigned_at,
        coalesce(item_ends.accepted_at, case when item_ends.last_status = 'completed' then owned_items.assigned_at end) as accepted_at,
        case
            when owned_items.handed_on_at is not null then 'abandoned'
            when item_ends.last_status = 'completed' then 'completed'
            when item_ends.last_status = 'deleted' then 'abandoned'
        end as outcome,
        case
            when owned_items.handed_on_at is not null then 'handed_on'
            when item_ends.last_status in ('completed', 'deleted') then 'task_list'
        end as outcome_reason,
        coalesce(
            owned_items.handed_on_at, case when item_ends.last_status in ('completed', 'deleted') then item_ends.last_updated_at end
        ) as ended_at,
        item_ends.last_updated_at as last_activity_at,
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
    from owned_items
    inner join calls as items on items.tool_use_id = owned_items.work_id
    left join item_ends on item_ends.work_id = owned_items.work_id and item_ends.owner = owned_items.owner
    left join named_agents on named_agents.session_id = items.session_id and named_agents.teammate_name = owned_items.owner
)

select * from agent_work
union all
select * from team_work
