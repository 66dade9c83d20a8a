{{ config(materialized='table') }}

-- v_cost splits these rows by one dimension at a time. Days of sessions whose lines have expired are as they
-- were kept. A session that was resumed after that is still one session, with its current title and project.
with days as (
    select * from {{ ref('fact_spending_day') }}
    union all by name
    select * exclude (expired_at) from {{ ref('stg_retention__spending') }}
)

select
    days.usage_date,
    days.session_id,
    case when sessions.session_id is null then days.session_title else sessions.title end as session_title,
    case when sessions.session_id is null then days.project_name else sessions.project_name end
        as project_name,
    case when sessions.session_id is null then days.project_path else sessions.project_path end
        as project_path,
    days.git_branch,
    days.model_name,
    days.provider,
    days.agent_name,
    days.agent_type,
    days.task_type,
    min(days.first_called_at) as first_called_at,
    max(days.last_called_at) as last_called_at,
    cast(sum(days.agent_run_count) as bigint) as agent_run_count,
    cast(sum(days.task_count) as bigint) as task_count,
    cast(sum(days.inference_count) as bigint) as inference_count,
    cast(sum(days.unpriced_inference_count) as bigint) as unpriced_inference_count,
    cast(sum(days.response_count) as bigint) as response_count,
    cast(sum(days.uncached_input_tokens) as bigint) as uncached_input_tokens,
    cast(sum(days.output_tokens) as bigint) as output_tokens,
    cast(sum(days.cache_read_tokens) as bigint) as cache_read_tokens,
    cast(sum(days.cache_write_5m_tokens) as bigint) as cache_write_5m_tokens,
    cast(sum(days.cache_write_1h_tokens) as bigint) as cache_write_1h_tokens,
    cast(sum(days.total_tokens) as bigint) as total_tokens,
    cast(sum(days.web_search_count) as bigint) as web_search_count,
    cast(sum(days.unpriced_response_count) as bigint) as unpriced_response_count,
    sum(days.active_seconds) as active_seconds,
    sum(days.web_search_cost_usd) as web_search_cost_usd,
    sum(days.cost_usd) as cost_usd,
    cast(sum(days.cache_miss_count) as bigint) as cache_miss_count,
    cast(sum(days.missed_tokens) as bigint) as missed_tokens,
    sum(days.rebilled_cost_usd) as rebilled_cost_usd,
    sum(days.miss_extra_cost_usd) as miss_extra_cost_usd,
    sum(days.cache_read_cost_usd) as cache_read_cost_usd,
    sum(days.cache_write_cost_usd) as cache_write_cost_usd,
    sum(days.cache_saved_usd) as cache_saved_usd
from days
left join {{ ref('dim_session') }} as sessions on sessions.session_id = days.session_id
group by all
