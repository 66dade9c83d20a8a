{{ config(materialized='table') }}

-- Rebuilt from scratch each time: the transcript that identifies a run may arrive after the run's recordings.
with events as (
    select * from {{ ref('stg_events__event') }}
    where set_aside_reason is null
),

-- A run without a type is one of the client's own, such as the one that compacts.
named as (
    select session_id, agent_name as given_name, agent_type as run_type, false as is_teammate, occurred_at
    from events
    where agent_name is not null and (event_kind <> 'hook' or agent_type is not null)
    union all
    select session_id, payload.teammate_name, null, true, occurred_at from events
    where event_kind = 'hook' and payload.teammate_name is not null
    {%- for name in ['owner', 'holder_agent_id', 'from_agent_id', 'to_agent_id'] %}
        union all
        select session_id, payload.{{ name }}, null, false, occurred_at from events
        where event_kind in ('work_item', 'claim', 'handoff') and payload.{{ name }} is not null
    {%- endfor %}
),

names as (
    select
        session_id,
        given_name,
        max(run_type) as run_type,
        bool_or(is_teammate) as is_teammate,
        min(occurred_at) as first_named_at,
        max(occurred_at) as last_named_at
    from named
    where given_name <> ''
    group by session_id, given_name
),

runs as (
    select * from {{ ref('int_actor') }}
    where actor <> 'main'
),

teammates as (
    select
        session_id,
        teammate_name,
        min_by(agent_id, (created_at, work_id)) as agent_id,
        min_by(agent_name, (created_at, work_id)) as agent_name,
        min_by(agent_type, (created_at, work_id)) as agent_type
    from {{ ref('int_work') }}
    where teammate_name is not null
    group by session_id, teammate_name
),

known as (
    select agent_id, agent_name, agent_type from {{ ref('int_actor') }}
    union
    select agent_id, agent_name, agent_type from {{ ref('int_work') }}
),

-- A name shared by several kinds of agents belongs to the most specific kind.
known_names as (
    select
        known_name,
        min_by(agent_id, (agent_type = 'main', agent_type = 'subagent', agent_id)) as agent_id
    from (
        select agent_id as known_name, agent_id, agent_type from known
        union all
        select agent_name, agent_id, agent_type from known
    ) as handles
    group by known_name
),

known_agents as (
    select
        known_names.known_name,
        known_names.agent_id,
        min(known.agent_name) as agent_name,
        min(known.agent_type) as agent_type
    from known_names
    inner join known on known.agent_id = known_names.agent_id
    group by known_names.known_name, known_names.agent_id
)

select
    {{ surrogate_key(['names.session_id', 'names.given_name']) }} as recorded_agent_id,
    names.session_id,
    names.given_name,
    coalesce(
        runs.agent_id, teammates.agent_id,
        case
            when names.run_type is not null then {{ surrogate_key(["'subagent'", 'names.run_type']) }}
        end,
        known_agents.agent_id,
        case
            when names.is_teammate then {{ surrogate_key(["'team_member'", 'names.given_name']) }}
            else {{ surrogate_key(["'recorded'", 'names.given_name']) }}
        end
    ) as agent_id,
    coalesce(
        runs.agent_name, teammates.agent_name, names.run_type, known_agents.agent_name, names.given_name
    ) as agent_name,
    coalesce(
        runs.agent_type, teammates.agent_type,
        case when names.run_type is not null then 'subagent' end,
        known_agents.agent_type,
        case when names.is_teammate then 'team_member' else 'recorded' end
    ) as agent_type,
    runs.actor,
    runs.agent_run_id,
    runs.turn_id,
    names.first_named_at,
    names.last_named_at
from names
left join runs on runs.session_id = names.session_id and runs.actor = names.given_name
left join teammates on teammates.session_id = names.session_id and teammates.teammate_name = names.given_name
left join known_agents on known_agents.known_name = names.given_name
