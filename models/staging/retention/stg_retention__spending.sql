{%- set spec = '{"usage_date": "DATE", "session_title": "VARCHAR", "project_name": "VARCHAR",
    "project_path": "VARCHAR", "git_branch": "VARCHAR", "model_name": "VARCHAR", "provider": "VARCHAR",
    "agent_name": "VARCHAR", "agent_type": "VARCHAR", "task_type": "VARCHAR",
    "first_called_at": "TIMESTAMP", "last_called_at": "TIMESTAMP", "active_seconds": "DOUBLE", "agent_run_count": "BIGINT", "task_count": "BIGINT",
    "inference_count": "BIGINT", "unpriced_inference_count": "BIGINT", "response_count": "BIGINT",
    "uncached_input_tokens": "BIGINT", "output_tokens": "BIGINT", "cache_read_tokens": "BIGINT",
    "cache_write_5m_tokens": "BIGINT", "cache_write_1h_tokens": "BIGINT", "total_tokens": "BIGINT",
    "web_search_count": "BIGINT", "unpriced_response_count": "BIGINT", "web_search_cost_usd": "DOUBLE",
    "cost_usd": "DOUBLE", "cache_miss_count": "BIGINT", "missed_tokens": "BIGINT",
    "rebilled_cost_usd": "DOUBLE", "miss_extra_cost_usd": "DOUBLE", "cache_read_cost_usd": "DOUBLE",
    "cache_write_cost_usd": "DOUBLE", "cache_saved_usd": "DOUBLE"}' -%}

-- A row kept by an earlier version may lack a column. Descriptions of a session come from its newest row.
with parsed as (
    select
        session_id,
        expired_at,
        {{ json_struct('row_json', spec) }} as p
    from {{ source('retention', 'expired_row') }}
    where relation = 'spending'
)

select
    parsed.p.usage_date,
    parsed.session_id,
    case when sessions.session_id is null then parsed.p.session_title else sessions.title end
        as session_title,
    case when sessions.session_id is null then parsed.p.project_name else sessions.project_name end
        as project_name,
    case when sessions.session_id is null then parsed.p.project_path else sessions.project_path end
        as project_path,
    coalesce(parsed.p.git_branch, 'none') as git_branch,
    coalesce(parsed.p.model_name, 'none') as model_name,
    parsed.p.provider,
    parsed.p.agent_name,
    parsed.p.agent_type,
    coalesce(parsed.p.task_type, 'unknown') as task_type,
    parsed.p.first_called_at,
    parsed.p.last_called_at,
    parsed.expired_at,
    coalesce(parsed.p.agent_run_count, 0) as agent_run_count,
    coalesce(parsed.p.task_count, 0) as task_count,
    coalesce(parsed.p.inference_count, 0) as inference_count,
    coalesce(parsed.p.unpriced_inference_count, 0) as unpriced_inference_count,
    coalesce(parsed.p.response_count, 0) as response_count,
    coalesce(parsed.p.uncached_input_tokens, 0) as uncached_input_tokens,
    coalesce(parsed.p.output_tokens, 0) as output_tokens,
    coalesce(parsed.p.cache_read_tokens, 0) as cache_read_tokens,
    coalesce(parsed.p.cache_write_5m_tokens, 0) as cache_write_5m_tokens,
    coalesce(parsed.p.cache_write_1h_tokens, 0) as cache_write_1h_tokens,
    coalesce(parsed.p.total_tokens, 0) as total_tokens,
    coalesce(parsed.p.web_search_count, 0) as web_search_count,
    coalesce(parsed.p.unpriced_response_count, 0) as unpriced_response_count,
    parsed.p.active_seconds,
    parsed.p.web_search_cost_usd,
    parsed.p.cost_usd,
    coalesce(parsed.p.cache_miss_count, 0) as cache_miss_count,
    coalesce(parsed.p.missed_tokens, 0) as missed_tokens,
    coalesce(parsed.p.rebilled_cost_usd, 0) as rebilled_cost_usd,
    coalesce(parsed.p.miss_extra_cost_usd, 0) as miss_extra_cost_usd,
    parsed.p.cache_read_cost_usd,
    parsed.p.cache_write_cost_usd,
    parsed.p.cache_saved_usd
from parsed
left join {{ ref('stg_retention__session') }} as sessions on sessions.session_id = parsed.session_id
