-- Cost of a skill's body and of the files read from its folder. Beside it, the cost of the work done under
-- it.
select
    costs.name as skill_name,
    {{ cause_sums('costs') }},
    cast(sum(costs.invocation_count) as bigint) as invocation_count,
    sum(costs.work_cost_usd) as work_cost_usd
from {{ ref('v_cost') }} as costs
where costs.kind = 'skill'
group by costs.name
