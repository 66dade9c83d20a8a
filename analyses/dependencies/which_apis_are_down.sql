-- Which APIs are down?
-- Days are counted back from the newest action in the store, so that archives work too.
select
    d.dependency_name, d.dependency_type,
    dc.checked_at, dc.available, dc.response_time_ms
from {{ ref('fact_dependency_check') }} as dc
inner join {{ ref('dim_dependency') }} as d on d.dependency_id = dc.dependency_id
where dc.checked_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '1 hour'
    and dc.available = false
