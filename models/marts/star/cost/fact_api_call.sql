{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

-- A response without a position in the log (several lines share its name) counts for the session's first
-- turn.
first_turns as (
    select session_id, min_by(turn_id, turn_number) as turn_id
    from {{ ref('int_turn') }} as int_turn
    semi join touched on touched.session_id = int_turn.session_id
    group by session_id
),

responses as (
    select
        responses.response_id as call_id,
        responses.session_id,
        responses.actor,
        coalesce(responses.turn_id, first_turns.turn_id) as turn_id,
        responses.model_name,
        responses.model_raw,
        responses.message_id,
        responses.request_id,
        responses.started_at as called_at,
        responses.last_block_at,
        responses.latency_ms,
        responses.latency_method,
        responses.first_token_ms,
        responses.provenance,
        responses.stop_reason,
        responses.speed,
        responses.service_tier,
        responses.inference_geo,
        responses.effort,
        responses.cache_miss_reason,
        responses.attribution_skill,
        responses.attribution_plugin,
        responses.attribution_mcp_server,
        responses.git_branch,
        responses.source_path,
        responses.source_line,
        responses.is_sidechain,
        responses.is_output_final,
        responses.is_priced,
        responses.is_aborted,
        true as is_success,
        responses.uncached_input_tokens,
        responses.output_tokens,
        responses.thinking_tokens,
        responses.cache_read_tokens,
        responses.cache_write_5m_tokens,
        responses.cache_write_1h_tokens,
        responses.context_tokens,
        responses.inference_count,
        responses.web_search_count,
        responses.copy_session_count,
        responses.line_count,
        responses.input_cost_usd,
        responses.cache_write_5m_cost_usd,
        responses.cache_write_1h_cost_usd,
        responses.cache_read_cost_usd,
        responses.output_cost_usd,
        responses.web_search_cost_usd,
        responses.uncached_cost_usd,
        responses.cost_usd
    from {{ ref('int_api_response') }} as responses
    semi join touched on touched.session_id = responses.session_id
    left join first_turns on first_turns.session_id = responses.session_id
),

-- A failed request used and cost nothing; columns that do not apply to it are NULL.
failures as (
    select
        failures.line_uuid as call_id,
        failures.session_id,
        failures.actor,
        failures.turn_id,
        failures.request_id,
        failures.failed_at as called_at,
        failures.failed_at as last_block_at,
        'standard' as speed,
        failures.git_branch,
        failures.source_path,
        failures.source_line,
        failures.is_sidechain,
        true as is_output_final,
        true as is_priced,
        false as is_success,
        failures.error_type,
        failures.provenance,
        1 as line_count,
        0 as copy_session_count,
        0 as inference_count,
        0 as uncached_input_tokens,
        0 as output_tokens,
        0 as cache_read_tokens,
        0 as cache_write_5m_tokens,
        0 as cache_write_1h_tokens,
        0 as context_tokens,
        0 as web_search_count,
        0.0 as input_cost_usd,
        0.0 as cache_write_5m_cost_usd,
        0.0 as cache_write_1h_cost_usd,
        0.0 as cache_read_cost_usd,
        0.0 as output_cost_usd,
        0.0 as web_search_cost_usd,
        0.0 as uncached_cost_usd,
        0.0 as cost_usd
    from {{ ref('int_failed_request') }} as failures
    semi join touched on touched.session_id = failures.session_id
),

calls as (
    select * from responses
    union all by name
    select * from failures
)

select
    calls.call_id,
    calls.session_id,
    actors.agent_id,
    actors.agent_run_id,
    actors.workflow_run_id,
    case when calls.model_name is not null then {{ surrogate_key(['calls.model_name']) }} end as model_id,
    calls.turn_id as prompt_id,
    calls.turn_id as task_id,
    calls.called_at,
    cast({{ local_time('calls.called_at') }} as date) as called_local_date,
    'completion' as call_type,
    calls.message_id,
    calls.request_id,
    calls.model_raw,
    calls.stop_reason,
    calls.speed,
    calls.service_tier,
    calls.inference_geo,
    calls.effort,
    calls.cache_miss_reason,
    calls.attribution_skill,
    calls.attribution_plugin,
    calls.attribution_mcp_server,
    calls.git_branch,
    calls.error_type,
    calls.latency_method,
    calls.provenance,
    calls.is_success as success,
    coalesce(calls.is_sidechain, false) as is_sidechain,
    coalesce(calls.is_output_final, false) as is_output_final,
    coalesce(calls.is_priced, false) as is_priced,
    cast(calls.uncached_input_tokens as bigint) as uncached_input_tokens,
    cast(
        calls.uncached_input_tokens + calls.cache_read_tokens + calls.cache_write_5m_tokens
        + calls.cache_write_1h_tokens as bigint
    ) as input_tokens,
    cast(calls.output_tokens as bigint) as output_tokens,
    cast(calls.thinking_tokens as bigint) as thinking_tokens,
    cast(calls.cache_read_tokens as bigint) as cached_tokens,
    cast(calls.cache_read_tokens as bigint) as cache_read_tokens,
    cast(calls.cache_write_5m_tokens as bigint) as cache_write_5m_tokens,
    cast(calls.cache_write_1h_tokens as bigint) as cache_write_1h_tokens,
    cast(calls.context_tokens as bigint) as context_tokens,
    cast(
        calls.uncached_input_tokens + calls.cache_read_tokens + calls.cache_write_5m_tokens
        + calls.cache_write_1h_tokens + calls.output_tokens as bigint
    ) as total_tokens,
    cast(calls.inference_count as bigint) as inference_count,
    cast(calls.web_search_count as bigint) as web_search_count,
    calls.latency_ms,
    calls.first_token_ms,
    cast({{ ms_between('calls.called_at', 'calls.last_block_at') }} as bigint) as streaming_ms,
    cast(calls.input_cost_usd as double) as input_cost_usd,
    cast(calls.cache_write_5m_cost_usd as double) as cache_write_5m_cost_usd,
    cast(calls.cache_write_1h_cost_usd as double) as cache_write_1h_cost_usd,
    cast(calls.cache_read_cost_usd as double) as cache_read_cost_usd,
    cast(calls.output_cost_usd as double) as output_cost_usd,
    cast(calls.web_search_cost_usd as double) as web_search_cost_usd,
    cast(calls.cost_usd as double) as cost_usd,
    cast(calls.uncached_cost_usd as double) as uncached_prefix_cost_usd,
    cast(calls.copy_session_count as integer) as copy_session_count,
    cast(calls.line_count as integer) as line_count,
    calls.source_path as _source_path,
    calls.source_line as _source_line,
    touched._batch_id
from calls
inner join touched on touched.session_id = calls.session_id
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = calls.session_id and actors.actor = calls.actor
