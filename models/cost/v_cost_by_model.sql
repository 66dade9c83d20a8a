{{ config(materialized='view') }}

select
    models.model_name,
    models.provider,
    {{ cost_measures('calls') }}
from {{ ref('fact_api_call') }} as calls
inner join {{ ref('dim_model') }} as models on models.model_id = calls.model_id
group by all
