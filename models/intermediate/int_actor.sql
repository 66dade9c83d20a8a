{{ config(materialized='table') }}

with mains as (
    select
        sessions.session_id,
        'main' as actor,
        cast(null as varchar) as agent_run_id,
        'main' as agent_type,
        -- Each project has its own main agent: its instructions differ.
        {{ surrogate_key(["'main'", 'sessions.project_path']) }} as agent_id,
        'main/' || projects.project_name as agent_name,
        sessions.project_path,
        cast(null as varchar) as turn_id,
        cast(null as varchar) as spawn_tool_use_id,
        cast(null as varchar) as workflow_run_id,
        sessions.host,
        sessions.source_path,
        sessions.started_at,
        sessions.ended_at,
        false as was_stopped_by_user
    from {{ ref('int_session') }} as sessions
    inner join {{ ref('int_project') }} as projects on projects.project_path = sessions.project_path
),

runs as (
    select
        runs.session_id,
        runs.actor,
        runs.agent_run_id,
        case
            when runs.teammate_name is not null and runs.team_name is not null then 'team_member'
            else 'subagent'
        end as agent_type,
        case
            when runs.teammate_name is not null and runs.team_name is not null
                then {{ surrogate_key(["'team_member'", 'runs.teammate_name']) }}
            else {{ surrogate_key(["'subagent'", 'runs.agent_type']) }}
        end as agent_id,
        case
            when runs.teammate_name is not null and runs.team_name is not null then runs.teammate_name
            else runs.agent_type
        end as agent_name,
        cast(null as varchar) as project_path,
        runs.turn_id,
        runs.spawn_tool_use_id,
        runs.workflow_run_id,
        sessions.host,
        runs.source_path,
        runs.started_at,
        runs.ended_at,
        runs.was_stopped_by_user
    from {{ ref('int_agent_run') }} as runs
    inner join {{ ref('int_session') }} as sessions on sessions.session_id = runs.session_id
)

select * from mains
union all
select * from runs
