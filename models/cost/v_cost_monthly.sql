{{ config(materialized='view') }}

select
    cast(date_trunc('month', called_local_date) as date) as usage_month,
    {{ cost_measures('calls') }}
from {{ ref('fact_api_call') }} as calls
where called_local_date is not null
group by 1
