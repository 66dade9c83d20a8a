{{ config(materialized='table') }}

-- Consecutive calls of one tool are one step; three steps are a sequence. The agent's own bookkeeping is not
-- a step.
with calls as (
    select
        calls.task_id,
        calls.session_id,
        coalesce(calls.agent_run_id, calls.session_id) as thread_id,
        calls.tool_name,
        calls.success,
        row_number() over (
            partition by calls.task_id, coalesce(calls.agent_run_id, calls.session_id)
            order by calls.invoked_at, calls._source_path, calls._source_line, calls.invocation_id
        ) as call_number
    from {{ ref('fact_tool_invocation') }} as calls
    inner join {{ ref('dim_tool') }} as tools on tools.tool_id = calls.tool_id
    where calls.task_id is not null and not tools.is_bookkeeping
),

marked as (
    select
        *,
        lag(tool_name) over (partition by task_id, thread_id order by call_number) as previous_tool
    from calls
),

steps as (
    select
        *,
        lead(tool_name) over (partition by task_id, thread_id order by call_number) as second_tool,
        lead(tool_name, 2) over (partition by task_id, thread_id order by call_number) as third_tool
    from marked
    where previous_tool is null or previous_tool <> tool_name
),

sequences as (
    select
        tasks.task_type,
        steps.tool_name || ' > ' || steps.second_tool || ' > ' || steps.third_tool as tool_sequence,
        steps.task_id,
        steps.session_id
    from steps
    inner join {{ ref('dim_task') }} as tasks on tasks.task_id = steps.task_id
    where steps.third_tool is not null
),

totals as (
    select
        task_type,
        count(distinct task_id) as task_count,
        count(*) as sequence_count
    from sequences
    group by task_type
),

counted as (
    select
        task_type,
        tool_sequence,
        count(*) as occurrence_count,
        count(distinct task_id) as task_count,
        count(distinct session_id) as session_count
    from sequences
    group by task_type, tool_sequence
),

timed as (
    select
        sequence_tasks.task_type,
        sequence_tasks.tool_sequence,
        median(outcomes.time_elapsed_seconds) as median_duration_seconds,
        count(outcomes.time_elapsed_seconds) as timed_task_count
    from (select distinct task_type, tool_sequence, task_id from sequences) as sequence_tasks
    inner join {{ ref('fact_task_outcome') }} as outcomes on outcomes.task_id = sequence_tasks.task_id
    group by sequence_tasks.task_type, sequence_tasks.tool_sequence
)

select
    counted.task_type,
    counted.tool_sequence,
    cast(row_number() over (
        partition by counted.task_type
        order by counted.task_count desc, counted.occurrence_count desc, counted.tool_sequence
    ) as bigint) as sequence_rank,
    cast(counted.occurrence_count as bigint) as occurrence_count,
    cast(counted.task_count as bigint) as task_count,
    cast(counted.session_count as bigint) as session_count,
    counted.task_count / totals.task_count as task_ratio,
    counted.occurrence_count / totals.sequence_count as sequence_ratio,
    cast(coalesce(timed.timed_task_count, 0) as bigint) as timed_task_count,
    cast(timed.median_duration_seconds as double) as median_duration_seconds
from counted
inner join totals on totals.task_type = counted.task_type
left join timed
    on timed.task_type = counted.task_type and timed.tool_sequence = counted.tool_sequence
-- Two out of three sequences of the corpus occur in one task only.
where counted.task_count >= {{ var('sequence_tasks', 2) }}
