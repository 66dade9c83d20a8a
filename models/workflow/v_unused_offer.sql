{{ config(materialized='view') }}

with offers as (
    select
        offer_type,
        component_name,
        component_id,
        count(distinct session_id) as offered_session_count,
        min(offered_at) as first_offered_at,
        max(offered_at) as last_offered_at
    from {{ ref('fact_component_offer') }}
    group by all
),

uses as (
    select 'skill' as offer_type, skill_name as component_name
    from {{ ref('fact_skill_invocation') }}
    union
    select 'mcp_server', mcp_server
    from {{ ref('fact_tool_invocation') }}
    where mcp_server is not null
    union
    select 'agent', agents.agent_name
    from {{ ref('fact_work_assignment') }} as work
    inner join {{ ref('dim_agent') }} as agents on agents.agent_id = work.agent_id
)

select
    offers.offer_type,
    offers.component_name,
    offers.component_id,
    cast(offers.offered_session_count as bigint) as offered_session_count,
    offers.first_offered_at,
    offers.last_offered_at
from offers
anti join uses on uses.offer_type = offers.offer_type and uses.component_name = offers.component_name
