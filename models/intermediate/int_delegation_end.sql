{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['returned_text']
) }}

with touched as {{ touched_sessions() }},

calls as (
    select
        tool_use_id,
        session_id,
        tool_name,
        result_line_uuid,
        called_at,
        returned_at,
        is_success,
        is_background,
        case
            when tool_name = 'TaskOutput' then result.task.task_id
            when tool_name = 'TaskStop' then tool_input.task_id
            else coalesce(result.agentId, result.taskId, result.runId)
        end as handed_to,
        result.task.status as task_status,
        result.task.output as task_output,
        source_path,
        source_line,
        result_source_path,
        result_source_line
    from {{ ref('int_tool_call') }} as int_tool_call
    semi join touched on touched.session_id = int_tool_call.session_id
    where tool_name in ('Agent', 'Task', 'Workflow', 'TaskOutput', 'TaskStop')
),

delegations as (
    select * from calls
    where tool_name in ('Agent', 'Task', 'Workflow')
),

-- Notices that background work ended. The client queues one at once and delivers it later: as a prompt, as
-- one of several in a prompt, or not at all if the agent had already fetched the result.
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

-- The result: the call's own, or else the first end notice, or else what the agent fetched itself.
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
        -- Matched by the call, or else by the run that it started: an agent that is sent to work again gets
        -- one notice each time.
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
        fetched.task_status as end_status,
        fetched.task_output as returned_text,
        coalesce(fetched.task_output, '') <> '' as is_whole_result,
        fetched.result_source_path as source_path,
        fetched.result_source_line as source_line
    from delegations
    inner join calls as fetched
        on fetched.session_id = delegations.session_id and fetched.tool_name = 'TaskOutput'
        and fetched.handed_to = delegations.handed_to
    where fetched.task_status not in ('running', 'pending')
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
        and stops.handed_to = delegations.handed_to
),

first_ends as (
    select
        *,
        row_number() over end_order as end_rank,
        first_value(end_status) over end_order as first_status
    from ends
    window end_order as (
        partition by tool_use_id
        order by ended_at nulls last, ended_by = 'task_output', source_path, source_line
    )
),

-- A notice may only say that the work is done; the result is then what the agent fetched afterwards.
returns as (
    select
        *,
        row_number() over (
            partition by tool_use_id
            order by
                not is_whole_result, ended_at nulls last, ended_by = 'task_output', source_path, source_line
        ) as return_rank
    from first_ends
    where end_status = first_status
)

select
    first_ends.tool_use_id,
    delegations.session_id,
    first_ends.ended_at,
    first_ends.ended_by,
    first_ends.end_status,
    returns.ended_at as returned_at,
    returns.ended_by as returned_by,
    returns.returned_text,
    returns.source_path as return_source_path,
    returns.source_line as return_source_line,
    -- An agent whose last request failed returns the client's error message.
    coalesce({{ regex_matches('returns.returned_text', "'^\\s*API Error\\b'") }}, false) as is_api_error,
    touched._batch_id
from first_ends
inner join delegations on delegations.tool_use_id = first_ends.tool_use_id
inner join touched on touched.session_id = delegations.session_id
left join returns on returns.tool_use_id = first_ends.tool_use_id and returns.return_rank = 1
where first_ends.end_rank = 1
