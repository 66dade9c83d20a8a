{{ config(materialized='view') }}

select
    models.model_name,
    calls.speed,
    cast(count(*) as bigint) as response_count,
    cast(count(distinct calls.session_id) as bigint) as session_count,
    cast(sum(calls.total_tokens) as bigint) as total_tokens,
    min(calls.called_at) as first_called_at,
    max(calls.called_at) as last_called_at
from {{ ref('fact_api_call') }} as calls
inner join {{ ref('dim_model') }} as models on models.model_id = calls.model_id
where not calls.is_priced
group by all
