-- Calls without a readable time have a row of their own, so that the months add up to the total.
select
    cast(date_trunc('month', costs.usage_date) as date) as usage_month,
    coalesce(left(cast(costs.usage_date as varchar), 7), 'undated') as month_name,
    {{ cost_sums('costs') }}
from {{ ref('v_cost') }} as costs
where costs.kind = 'session'
group by 1, 2
