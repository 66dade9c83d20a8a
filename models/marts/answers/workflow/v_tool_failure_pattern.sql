{{ config(materialized='view') }}

with calls as (
    select
        *,
        lead(success) over (
            partition by session_id, agent_id, coalesce(agent_run_id, ''), tool_id
            order by invoked_at, _source_path, _source_line, invocation_id
        ) as next_success
    from {{ ref('fact_tool_invocation') }}
),

totals as (
    select tool_id, count(*) as call_count
    from calls
    group by tool_id
)

select
    calls.tool_name,
    calls.error_type,
    cast(count(*) as bigint) as failure_count,
    cast(count(distinct calls.session_id) as bigint) as session_count,
    count(*) / max(totals.call_count) as failure_ratio,
    count(*) filter (where calls.next_success) / nullif(count(calls.next_success), 0) as recovered_ratio,
    max_by(left(calls.target, 200), (calls.invoked_at, calls.invocation_id)) as latest_target,
    max_by(left(calls.error_text, 200), (calls.invoked_at, calls.invocation_id)) as latest_error_text,
    max_by(calls.invocation_id, (calls.invoked_at, calls.invocation_id)) as latest_invocation_id,
    min(calls.invoked_at) as first_failed_at,
    max(calls.invoked_at) as last_failed_at
from calls
inner join totals on totals.tool_id = calls.tool_id
where calls.success = false
group by calls.tool_name, calls.error_type
