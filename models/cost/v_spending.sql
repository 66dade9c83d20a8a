{{ config(materialized='table') }}

-- The finest grain of the cost marts: each of them is this, added up. `cost_by` in the published store does that for any of
-- its columns and any time. A table, since a report asks it six times.
select
    calls.called_local_date as usage_date,
    calls.session_id,
    sessions.title as session_title,
    sessions.project_name,
    sessions.project_path,
    coalesce(nullif(calls.git_branch, 'HEAD'), 'none') as git_branch,
    coalesce(models.model_name, 'none') as model_name,
    models.provider,
    agents.agent_name,
    agents.agent_type,
    coalesce(tasks.task_type, 'unknown') as task_type,
    min(calls.called_at) as first_called_at,
    {{ cost_measures('calls', counts_sessions=false) }},
    cast(count(misses.call_id) as bigint) as cache_miss_count,
    cast(coalesce(sum(misses.missed_tokens), 0) as bigint) as missed_tokens,
    coalesce(sum(misses.rebilled_cost_usd), 0) as rebilled_cost_usd,
    coalesce(sum(misses.extra_cost_usd), 0) as miss_extra_cost_usd,
    sum(
        calls.uncached_prefix_cost_usd - calls.cache_read_cost_usd - calls.cache_write_5m_cost_usd - calls.cache_write_1h_cost_usd
    ) filter (where calls.success) as cache_saved_usd
from {{ ref('fact_api_call') }} as calls
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = calls.session_id
left join {{ ref('dim_model') }} as models on models.model_id = calls.model_id
inner join {{ ref('dim_agent') }} as agents on agents.agent_id = calls.agent_id
left join {{ ref('dim_task') }} as tasks on tasks.task_id = calls.task_id
left join {{ ref('fact_cache_miss') }} as misses on misses.call_id = calls.call_id
group by all
