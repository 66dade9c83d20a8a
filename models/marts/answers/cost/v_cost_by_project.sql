select
    costs.project_name,
    -- Folders with the same name are one project.
    min(costs.project_path) as project_path,
    {{ cost_sums('costs') }}
from {{ ref('v_cost') }} as costs
where costs.kind = 'session'
group by costs.project_name
