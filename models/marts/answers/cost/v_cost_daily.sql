-- Calls without a readable time have a row of their own, so that the days add up to the total.
select
    costs.usage_date,
    coalesce(cast(costs.usage_date as varchar), 'undated') as day_name,
    {{ cost_sums('costs') }}
from {{ ref('v_cost') }} as costs
where costs.kind = 'session'
group by costs.usage_date
