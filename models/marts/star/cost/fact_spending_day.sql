-- Combines the dimensions of a call. Dollars belong to the model that ran, and a response counts once, for
-- the model that finished it.
with api_calls as (
    select calls.*, {{ active_seconds('calls') }} as active_seconds
    from {{ ref('fact_api_call') }} as calls
),

spent as (
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
        inferences.call_id is not null as is_inference,
        coalesce(not inferences.is_priced, false) as is_unpriced_inference,
        -- A run or task counts once, where it begins.
        coalesce(inferences.is_answer, true) and calls.agent_run_id is not null and row_number() over (
            partition by calls.agent_run_id, coalesce(inferences.is_answer, true)
            order by calls.called_at nulls last, calls.call_id
        ) = 1 as is_run_start,
        coalesce(inferences.is_answer, false) and calls.task_id is not null and row_number() over (
            partition by calls.task_id, coalesce(inferences.is_answer, false)
            order by calls.called_at nulls last, calls.call_id
        ) = 1 as is_task_start,
        case when coalesce(inferences.is_answer, true) then calls.active_seconds end as active_seconds,
        inferences.uncached_input_tokens,
        inferences.output_tokens,
        inferences.cache_read_tokens,
        inferences.cache_write_5m_tokens,
        inferences.cache_write_1h_tokens,
        inferences.total_tokens,
        inferences.web_search_count,
        -- The cost of a failed request is known: nothing.
        case
            when inferences.call_id is null then calls.web_search_cost_usd
            else inferences.web_search_cost_usd
        end as web_search_cost_usd,
        case when inferences.call_id is null then calls.cost_usd else inferences.cost_usd end as cost_usd,
        inferences.cache_read_cost_usd,
        inferences.cache_write_5m_cost_usd + inferences.cache_write_1h_cost_usd as cache_write_cost_usd,
        inferences.uncached_prefix_cost_usd - inferences.cache_read_cost_usd
        - inferences.cache_write_5m_cost_usd
        - inferences.cache_write_1h_cost_usd as cache_saved_usd
    from api_calls as calls
    left join {{ ref('fact_inference') }} as inferences on inferences.call_id = calls.call_id
)

select
    spent.called_local_date as usage_date,
    spent.session_id,
    coalesce(nullif(spent.git_branch, 'HEAD'), 'none') as git_branch,
    coalesce(models.model_name, 'none') as model_name,
    models.provider,
    agents.agent_name,
    agents.agent_type,
    coalesce(tasks.task_type, 'unknown') as task_type,
    min(spent.called_at) as first_called_at,
    max(spent.called_at) as last_called_at,
    cast(count(*) filter (where spent.is_run_start) as bigint) as agent_run_count,
    cast(count(*) filter (where spent.is_task_start) as bigint) as task_count,
    cast(count(*) filter (where spent.is_inference) as bigint) as inference_count,
    cast(count(*) filter (where spent.is_unpriced_inference) as bigint) as unpriced_inference_count,
    {{ cost_measures('spent', counts_sessions=false) }},
    cast(sum(spent.active_seconds) as double) as active_seconds,
    cast(count(misses.call_id) as bigint) as cache_miss_count,
    cast(coalesce(sum(misses.missed_tokens), 0) as bigint) as missed_tokens,
    coalesce(sum(misses.rebilled_cost_usd), 0) as rebilled_cost_usd,
    coalesce(sum(misses.extra_cost_usd), 0) as miss_extra_cost_usd,
    sum(spent.cache_read_cost_usd) as cache_read_cost_usd,
    sum(spent.cache_write_cost_usd) as cache_write_cost_usd,
    sum(spent.cache_saved_usd) as cache_saved_usd
from spent
-- A failed request has no model.
left join {{ ref('dim_model') }} as models on models.model_id = spent.model_id
inner join {{ ref('dim_agent') }} as agents on agents.agent_id = spent.agent_id
left join {{ ref('dim_task') }} as tasks on tasks.task_id = spent.task_id
left join {{ ref('fact_cache_miss') }} as misses on misses.call_id = spent.answered_call_id
group by all
