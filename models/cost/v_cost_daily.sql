{{ config(materialized='view') }}

select
    called_local_date as usage_date,
    {{ cost_measures('calls') }}
from {{ ref('fact_api_call') }} as calls
where called_local_date is not null
group by called_local_date
