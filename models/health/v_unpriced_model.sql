select
    models.model_name,
    inferences.speed,
    inferences.unpriced_reason,
    cast(count(distinct inferences.call_id) as bigint) as response_count,
    cast(count(distinct inferences.session_id) as bigint) as session_count,
    cast(sum(inferences.total_tokens) as bigint) as total_tokens,
    min(inferences.called_at) as first_called_at,
    max(inferences.called_at) as last_called_at
from {{ ref('fact_inference') }} as inferences
inner join {{ ref('dim_model') }} as models on models.model_id = inferences.model_id
where not inferences.is_priced
group by all
