{{ config(materialized='table') }}

with mains as (
    select
        session_id,
        'main' as actor,
        cast(null as varchar) as agent_run_id,
        'main' as agent_type,
        -- The main agent is a kind of its own in every project: its instructions differ.
        {{ surrogate_key(["'main'", 'project_path']) }} as agent_id,
        'main/' || project_name as agent_name,
        project_path,
        cast(null as varchar) as turn_id,
        started_at,
        ended_at
    from {{ ref('int_session') }}
),

runs as (
    select
        session_id,
        actor,
        agent_run_id,
        case when teammate_name is not null and team_name is not null then 'team_member' else 'subagent' end as agent_type,
        case
            when teammate_name is not null and team_name is not null then {{ surrogate_key(["'team_member'", 'teammate_name']) }}
            else {{ surrogate_key(["'subagent'", 'agent_type']) }}
        end as agent_id,
        case when teammate_name is not null and team_name is not null then teammate_name else agent_type end as agent_name,
        cast(null as varchar) as project_path,
        turn_id,
        started_at,
        ended_at
    from {{ ref('int_agent_run') }}
)

select * from mains
union all
select * from runs
