select
    costs.name as tool_name,
    cast(sum(costs.invocation_count) as bigint) as tool_call_count,
    {{ cause_sums('costs') }}
from {{ ref('v_cost') }} as costs
where costs.kind = 'tool'
group by costs.name
