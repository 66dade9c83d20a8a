select
    costs.name as model_name,
    costs.detail as provider,
    cast(sum(costs.inference_count) as bigint) as inference_count,
    cast(sum(costs.unpriced_inference_count) as bigint) as unpriced_inference_count,
    {{ cost_sums('costs') }}
from {{ ref('v_cost') }} as costs
where costs.kind = 'model'
group by costs.name, costs.detail
