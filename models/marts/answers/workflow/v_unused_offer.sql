-- The listing of skills, and that of agents, is one text for all names: each name gets an even share. Servers
-- have texts of their own.
with listings as (
    select
        session_id,
        case component_name when 'skill_listing' then 'skill' else 'agent' end as offer_type,
        sum(cost_usd) as cost_usd
    from {{ ref('fact_context_segment') }}
    where
        component_type = 'system_prompt'
        and component_name in ('skill_listing', 'agent_listing', 'agent_listing_delta')
    group by all
),

servers as (
    select
        session_id,
        component_id,
        sum(cost_usd) as cost_usd
    from {{ ref('fact_context_segment') }}
    where component_type = 'mcp_server'
    group by session_id, component_id
),

session_offers as (
    select
        offers.offer_type,
        offers.component_name,
        offers.component_id,
        offers.session_id,
        offers.offered_at,
        coalesce(
            servers.cost_usd,
            listings.cost_usd / count(*) over (partition by offers.session_id, offers.offer_type)
        ) as cost_usd
    from {{ ref('fact_component_offer') }} as offers
    left join listings on listings.session_id = offers.session_id and listings.offer_type = offers.offer_type
    left join servers
        on servers.session_id = offers.session_id
        and servers.component_id = offers.component_id
        and offers.offer_type = 'mcp_server'
),

offers as (
    select
        offer_type,
        component_name,
        component_id,
        count(distinct session_id) as offered_session_count,
        min(offered_at) as first_offered_at,
        max(offered_at) as last_offered_at,
        sum(cost_usd) as cost_usd
    from session_offers
    group by offer_type, component_name, component_id
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
    offers.last_offered_at,
    cast(offers.cost_usd as double) as cost_usd
from offers
anti join uses on uses.offer_type = offers.offer_type and uses.component_name = offers.component_name
