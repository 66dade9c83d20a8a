{{ config(materialized='view') }}

select
    sessions.project_name,
    coalesce(nullif(calls.git_branch, 'HEAD'), 'none') as git_branch,
    {{ cost_measures('calls') }}
from {{ ref('fact_api_call') }} as calls
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = calls.session_id
group by all
