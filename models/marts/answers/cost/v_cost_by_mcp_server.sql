-- Calls, results and definitions of its tools, and what the server itself put into contexts: lists,
-- instructions.
select
    costs.name as mcp_server,
    cast(sum(costs.invocation_count) as bigint) as tool_call_count,
    {{ cause_sums('costs') }}
from {{ ref('v_cost') }} as costs
where costs.kind = 'mcp'
group by costs.name
