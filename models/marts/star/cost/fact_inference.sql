{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

calls as (
    select fact_api_call.*
    from {{ ref('fact_api_call') }} as fact_api_call
    semi join touched on touched.session_id = fact_api_call.session_id
    where fact_api_call.success
)

select
    inferences.inference_id,
    inferences.response_id as call_id,
    inferences.session_id,
    calls.agent_id,
    calls.agent_run_id,
    {{ surrogate_key(['inferences.model_name']) }} as model_id,
    calls.prompt_id,
    calls.task_id,
    calls.called_at,
    calls.called_local_date,
    inferences.inference_type,
    inferences.model_raw,
    inferences.speed,
    inferences.unpriced_reason,
    calls.provenance,
    inferences.is_answer,
    inferences.is_priced,
    calls.is_priced as is_call_priced,
    cast(inferences.inference_number as bigint) as inference_number,
    cast(inferences.uncached_input_tokens as bigint) as uncached_input_tokens,
    cast(inferences.output_tokens as bigint) as output_tokens,
    cast(inferences.cache_read_tokens as bigint) as cache_read_tokens,
    cast(inferences.cache_write_5m_tokens as bigint) as cache_write_5m_tokens,
    cast(inferences.cache_write_1h_tokens as bigint) as cache_write_1h_tokens,
    cast(inferences.context_tokens as bigint) as context_tokens,
    cast(inferences.context_tokens + inferences.output_tokens as bigint) as total_tokens,
    inferences.web_search_count,
    cast(inferences.input_cost_usd as double) as input_cost_usd,
    cast(inferences.cache_write_5m_cost_usd as double) as cache_write_5m_cost_usd,
    cast(inferences.cache_write_1h_cost_usd as double) as cache_write_1h_cost_usd,
    cast(inferences.cache_read_cost_usd as double) as cache_read_cost_usd,
    cast(inferences.output_cost_usd as double) as output_cost_usd,
    cast(inferences.web_search_cost_usd as double) as web_search_cost_usd,
    cast(inferences.cost_usd as double) as cost_usd,
    cast(inferences.uncached_cost_usd as double) as uncached_prefix_cost_usd,
    calls._source_path,
    calls._source_line,
    touched._batch_id
from {{ ref('int_inference') }} as inferences
inner join touched on touched.session_id = inferences.session_id
inner join calls on calls.call_id = inferences.response_id
