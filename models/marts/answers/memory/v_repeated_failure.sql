-- Days are counted back from the newest call in the store, so that archives work too.
with newest as (
    select max(invoked_at) as newest_at from {{ ref('fact_tool_invocation') }}
),

-- A missing tool says nothing about the call.
calls as (
    select
        sessions.project_path,
        calls.session_id,
        calls.invocation_id,
        calls.tool_name,
        trim({{ regex_replace_all('calls.target', "'\\s+'", "' '") }}) as target,
        calls.status,
        calls.error_text,
        calls.invoked_at
    from {{ ref('fact_tool_invocation') }} as calls
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = calls.session_id
    cross join newest
    where
        calls.target is not null and calls.status in ('ok', 'error')
        and coalesce(calls.error_type, '') <> 'validation_unknown_tool'
        -- Older failures concern other versions of files and programs.
        and calls.invoked_at >= newest.newest_at - interval {{ var('failure_days', 14) }} day
),

ended as (
    select
        project_path,
        tool_name,
        target,
        count(*) filter (where status = 'error') as failure_count,
        max_by(status, (invoked_at, invocation_id)) as last_status,
        max_by(error_text, (invoked_at, invocation_id)) as last_error_text,
        max_by(session_id, (invoked_at, invocation_id)) as session_id,
        max(invoked_at) as last_failed_at,
        bool_or(coalesce(invocation_id in (
            select invocation_id from {{ ref('fact_quality_measurement') }}
            where invocation_id is not null and passed is not null
        ), false)) as is_check
    from calls
    group by project_path, tool_name, target
),

failed as (
    select * from ended
    where last_status = 'error' and failure_count > 1 and last_error_text is not null
),

-- The next successful call of the same program, within ten minutes.
worked as (
    select
        failed.project_path,
        failed.tool_name,
        failed.target,
        min_by(calls.target, (calls.invoked_at, calls.invocation_id)) as worked_target
    from failed
    inner join calls
        on calls.session_id = failed.session_id and calls.tool_name = failed.tool_name
        and calls.status = 'ok'
        and calls.invoked_at between failed.last_failed_at and failed.last_failed_at + interval 10 minute
        and split_part(calls.target, ' ', 1) = split_part(failed.target, ' ', 1)
    where failed.tool_name = 'Bash'
    group by failed.project_path, failed.tool_name, failed.target
)

select
    failed.project_path,
    failed.tool_name,
    failed.target,
    failed.last_failed_at,
    failed.last_error_text,
    worked.worked_target,
    failed.session_id,
    failed.is_check,
    cast(failed.failure_count as bigint) as failure_count
from failed
left join worked
    on worked.project_path = failed.project_path and worked.tool_name = failed.tool_name
    and worked.target = failed.target
