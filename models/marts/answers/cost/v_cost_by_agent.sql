-- Spending of agents by name, and what handing over to them and back cost in the contexts of their callers.
with returned as (
    select
        name as agent_name,
        sum(cost_usd) as return_cost_usd
    from {{ ref('v_cost') }}
    where kind = 'component' and detail = 'agent'
    group by name
)

select
    costs.name as agent_name,
    costs.detail as agent_type,
    {{ cost_sums('costs') }},
    cast(sum(costs.invocation_count) as bigint) as run_count,
    max(case when costs.detail <> 'main' then returned.return_cost_usd end) as return_cost_usd
from {{ ref('v_cost') }} as costs
left join returned on returned.agent_name = costs.name
where costs.kind = 'agent'
group by costs.name, costs.detail
