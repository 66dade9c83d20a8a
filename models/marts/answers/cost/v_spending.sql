{{ config(materialized='table') }}

-- The finest grain of the cost marts: each of them is this, added up. `cost_by` in the published store does that for any of
-- its columns and any time. A table, since a report asks it six times. Dollars belong to the model that ran, so a response
-- counts once, for the model that finished it.
with spent as (
    select
        calls.called_local_date,
        calls.called_at,
        calls.session_id,
        calls.agent_id,
        calls.task_id,
        calls.git_branch,
        coalesce(inferences.model_id, calls.model_id) as model_id,
        case when inferences.is_answer then calls.call_id end as answered_call_id,
        coalesce(inferences.is_answer, false) as success,
        not coalesce(inferences.is_answer and not inferences.is_call_priced, false) as is_priced,
        inferences.uncached_input_tokens,
        inferences.output_tokens,
        inferences.cache_read_tokens,
        inferences.cache_write_5m_tokens,
        inferences.cache_write_1h_tokens,
        inferences.total_tokens,
        inferences.web_search_count,
        inferences.web_search_cost_usd,
        inferences.cost_usd,
        inferences.uncached_prefix_cost_usd - inferences.cache_read_cost_usd - inferences.cache_write_5m_cost_usd
        - inferences.cache_write_1h_cost_usd as cache_saved_usd
    from {{ ref('fact_api_call') }} as calls
    -- A request that failed has none.
    left join {{ ref('fact_inference') }} as inferences on inferences.call_id = calls.call_id
)

select
    spent.called_local_date as usage_date,
    spent.session_id,
    sessions.title as session_title,
    sessions.project_name,
    sessions.project_path,
    coalesce(nullif(spent.git_branch, 'HEAD'), 'none') as git_branch,
    coalesce(models.model_name, 'none') as model_name,
    models.provider,
    agents.agent_name,
    agents.agent_type,
    coalesce(tasks.task_type, 'unknown') as task_type,
    min(spent.called_at) as first_called_at,
    {{ cost_measures('spent', counts_sessions=false) }},
    cast(count(misses.call_id) as bigint) as cache_miss_count,
    cast(coalesce(sum(misses.missed_tokens), 0) as bigint) as missed_tokens,
    coalesce(sum(misses.rebilled_cost_usd), 0) as rebilled_cost_usd,
    coalesce(sum(misses.extra_cost_usd), 0) as miss_extra_cost_usd,
    sum(spent.cache_saved_usd) as cache_saved_usd
from spent
inner join {{ ref('dim_session') }} as sessions on sessions.session_id = spent.session_id
-- A request that failed has no model.
left join {{ ref('dim_model') }} as models on models.model_id = spent.model_id
inner join {{ ref('dim_agent') }} as agents on agents.agent_id = spent.agent_id
left join {{ ref('dim_task') }} as tasks on tasks.task_id = spent.task_id
left join {{ ref('fact_cache_miss') }} as misses on misses.call_id = spent.answered_call_id
group by all
