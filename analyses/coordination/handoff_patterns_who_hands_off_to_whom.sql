-- Handoff patterns: who hands off to whom?
select
    a1.agent_name as from_agent,
    a2.agent_name as to_agent,
    h.handoff_reason,
    count(*) as handoff_count
from {{ ref('fact_agent_handoff') }} as h
inner join {{ ref('dim_agent') }} as a1 on a1.agent_id = h.from_agent_id
inner join {{ ref('dim_agent') }} as a2 on a2.agent_id = h.to_agent_id
group by a1.agent_name, a2.agent_name, h.handoff_reason
order by handoff_count desc
