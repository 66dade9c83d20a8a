{{ config(materialized='view') }}

with uses as (
    select
        'tool' as usage_type,
        calls.tool_name as used_name,
        calls.session_id,
        calls.invoked_at as used_at,
        calls.success,
        false as is_by_user,
        cast(null as double) as cost_usd
    from {{ ref('fact_tool_invocation') }} as calls
    union all
    select 'mcp_server', mcp_server, session_id, invoked_at, success, false, null
    from {{ ref('fact_tool_invocation') }}
    where mcp_server is not null
    union all
    select 'skill', skill_name, session_id, invoked_at, success, invoked_by = 'user', cost_usd
    from {{ ref('fact_skill_invocation') }}
    union all
    select 'command', command_name, session_id, prompted_at, null, true, null
    from {{ ref('fact_prompt') }}
    where command_name is not null
    union all
    select
        'agent', agents.agent_name, work.session_id, work.assigned_at,
        case work.status when 'completed' then true when 'accepted' then null else false end, false, null
    from {{ ref('fact_work_assignment') }} as work
    inner join {{ ref('dim_agent') }} as agents on agents.agent_id = work.agent_id
),

newest as (
    select max(used_at) as newest_at from uses
)

select
    uses.usage_type,
    uses.used_name,
    cast(count(*) as bigint) as use_count,
    cast(count(*) filter (where uses.is_by_user) as bigint) as user_use_count,
    cast(count(*) filter (where uses.used_at > newest.newest_at - interval 30 day) as bigint) as last_30_days_count,
    cast(count(distinct uses.session_id) as bigint) as session_count,
    cast(count(distinct sessions.project_path) as bigint) as project_count,
    count(*) filter (where uses.success) / nullif(count(uses.success), 0) as success_ratio,
    sum(uses.cost_usd) as cost_usd,
    min(uses.used_at) as first_used_at,
    max(uses.used_at) as last_used_at
from uses
cross join newest
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = uses.session_id
group by uses.usage_type, uses.used_name
