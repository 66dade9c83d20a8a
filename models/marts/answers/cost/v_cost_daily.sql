{{ config(materialized='view') }}

-- Calls without a readable time are a row of their own, so that the days add up to everything.
select
    called_local_date as usage_date,
    coalesce(cast(called_local_date as varchar), 'undated') as day_name,
    {{ cost_measures('calls') }}
from {{ ref('fact_api_call') }} as calls
group by called_local_date
