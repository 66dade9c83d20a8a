select
    costs.name as task_type,
    cast(sum(costs.invocation_count) as bigint) as task_count,
    {{ cost_sums('costs') }},
    sum(costs.cost_usd) / nullif(sum(costs.invocation_count), 0) as cost_per_task_usd
from {{ ref('v_cost') }} as costs
where costs.kind = 'task-type'
group by costs.name
