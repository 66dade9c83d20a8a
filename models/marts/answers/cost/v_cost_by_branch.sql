select
    costs.project_name,
    costs.name as git_branch,
    {{ cost_sums('costs') }}
from {{ ref('v_cost') }} as costs
where costs.kind = 'branch'
group by costs.project_name, costs.name
