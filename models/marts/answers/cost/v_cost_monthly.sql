{{ config(materialized='view') }}

-- Calls without a readable time are a row of their own, so that the months add up to everything.
select
    cast(date_trunc('month', called_local_date) as date) as usage_month,
    coalesce(left(cast(called_local_date as varchar), 7), 'undated') as month_name,
    {{ cost_measures('calls') }}
from {{ ref('fact_api_call') }} as calls
group by 1, 2
