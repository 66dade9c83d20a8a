-- Most-invoked skills
-- Days are counted back from the newest action in the store, so that archives work too.
select
    c.component_name,
    count(*) as invocations,
    sum(case when si.invoked_by = 'user' then 1 else 0 end) as user_invoked,
    sum(case when si.invoked_by = 'agent' then 1 else 0 end) as agent_invoked
from {{ ref('fact_skill_invocation') }} as si
inner join {{ ref('dim_component') }} as c on c.component_id = si.component_id
where si.invoked_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '30 days'
group by c.component_name
order by invocations desc
