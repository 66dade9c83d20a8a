with invocations as (
    select * from {{ ref('fact_tool_invocation') }}
),

skill_runs as (
    select * from {{ ref('fact_skill_invocation') }}
),

assignments as (
    select * from {{ ref('fact_work_assignment') }}
),

uses as (
    select
        'tool' as usage_type,
        tool_name as used_name,
        session_id,
        invoked_at as used_at,
        success,
        false as is_by_user,
        cast(null as double) as work_cost_usd
    from invocations
    union all
    select 'mcp_server', mcp_server, session_id, invoked_at, success, false, null
    from invocations
    where mcp_server is not null
    union all
    select 'skill', skill_name, session_id, invoked_at, success, invoked_by = 'user', cost_usd
    from skill_runs
    -- A skill that the agent asked for and that does not exist was not used.
    where component_id is not null
    union all
    -- A command with a body is a skill and counts there.
    select
        'command', prompts.command_name, prompts.session_id, prompts.prompted_at, null, true,
        prompts.caused_cost_usd
    from {{ ref('fact_prompt') }} as prompts
    anti join skill_runs
        on skill_runs.prompt_id = prompts.prompt_id and skill_runs.skill_name = prompts.command_name
    where prompts.command_name is not null
    union all
    select
        'agent', agent_name, session_id, assigned_at,
        case status
            when 'completed' then true
            when 'accepted' then null
            when 'offered' then null
            else false
        end, false, null
    from assignments
    where agent_name is not null
),

newest as (
    select max(used_at) as newest_at from uses
),

counted as (
    select
        uses.usage_type,
        uses.used_name,
        count(*) as use_count,
        count(*) filter (where uses.is_by_user) as user_use_count,
        count(*) filter (where uses.used_at > newest.newest_at - interval 30 day) as last_30_days_count,
        count(distinct uses.session_id) as session_count,
        count(distinct sessions.project_path) as project_count,
        count(*) filter (where uses.success) / nullif(count(uses.success), 0) as success_ratio,
        sum(uses.work_cost_usd) as work_cost_usd,
        min(uses.used_at) as first_used_at,
        max(uses.used_at) as last_used_at
    from uses
    cross join newest
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = uses.session_id
    group by uses.usage_type, uses.used_name
),

costs as (
    select
        case kind when 'mcp' then 'mcp_server' else kind end as usage_type,
        name as used_name,
        sum(cost_usd) as cost_usd
    from {{ ref('v_cost') }}
    where kind in ('tool', 'mcp', 'skill') or (kind = 'agent' and detail <> 'main')
    group by all
)

select
    counted.usage_type,
    counted.used_name,
    cast(counted.use_count as bigint) as use_count,
    cast(counted.user_use_count as bigint) as user_use_count,
    cast(counted.last_30_days_count as bigint) as last_30_days_count,
    cast(counted.session_count as bigint) as session_count,
    cast(counted.project_count as bigint) as project_count,
    counted.success_ratio,
    costs.cost_usd,
    counted.work_cost_usd,
    counted.first_used_at,
    counted.last_used_at
from counted
left join costs on costs.usage_type = counted.usage_type and costs.used_name = counted.used_name
