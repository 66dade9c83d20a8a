{{ config(materialized='table') }}

select
    calls.called_local_date as usage_date,
    calls.session_id,
    coalesce(models.model_name, 'none') as model_name,
    {{ shown_agent('agents') }} as agent_name,
    cast(count(*) as bigint) as response_count,
    sum(responses.cost_usd) as ccusage_cost_usd
from {{ ref('int_ccusage_response') }} as responses
inner join {{ ref('fact_api_call') }} as calls on calls.call_id = responses.response_id
inner join {{ ref('dim_agent') }} as agents on agents.agent_id = calls.agent_id
left join {{ ref('dim_model') }} as models on models.model_id = calls.model_id
where responses.ccusage_report = 'daily'
group by all
