{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['response_text']
) }}

with touched as {{ touched_sessions() }},

calls as (
    select calls.*
    from {{ ref('fact_api_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    where calls.success
),

responses as (
    select responses.*
    from {{ ref('int_api_response') }} as responses
    semi join touched on touched.session_id = responses.session_id
),

firsts as (
    select
        prompt_id,
        min_by(call_id, (agent_run_id is not null, called_at, call_id)) as first_call_id
    from calls
    group by prompt_id
),

-- The last response of the main thread in each turn that was followed by another one: it was not cut off.
lasts as (
    select
        calls.prompt_id,
        max_by(calls.call_id, (responses.thread_position, calls.call_id)) as last_call_id
    from calls
    inner join responses on responses.response_id = calls.call_id
    inner join {{ ref('int_turn') }} as turns on turns.turn_id = calls.prompt_id
    where responses.actor = 'main' and turns.next_turn_id is not null and turns.interrupted_at is null
    group by calls.prompt_id
),

-- Old clients do not log why a response ended.
ended as (
    select
        calls.*,
        responses.response_text,
        responses.stop_category,
        responses.stop_explanation,
        case
            when calls.stop_reason is not null then 'logged'
            when responses.has_tool_call then 'tool_call'
            when lasts.last_call_id is not null and responses.response_text is not null then 'last_answer'
        end as finish_reason_basis
    from calls
    inner join responses on responses.response_id = calls.call_id
    left join lasts on lasts.last_call_id = calls.call_id
)

select
    ended.call_id as response_id,
    ended.prompt_id,
    ended.session_id,
    ended.agent_id,
    ended.model_id,
    ended.called_at as responded_at,
    left(ended.response_text, {{ var('text_characters_kept') }}) as response_text,
    md5(ended.response_text) as response_hash,
    case
        when ended.finish_reason_basis = 'tool_call' then 'tool_use'
        when ended.finish_reason_basis = 'last_answer' or ended.stop_reason in ('end_turn', 'stop_sequence')
            then 'stop'
        when ended.stop_reason in ('max_tokens', 'model_context_window_exceeded') then 'length'
        else ended.stop_reason
    end as finish_reason,
    ended.finish_reason_basis,
    case
        when ended.stop_reason = 'refusal'
            then {{ as_json({
                'stop_reason': 'ended.stop_reason', 'category': 'ended.stop_category',
                'explanation': 'ended.stop_explanation'
            }) }}
    end as safety_flags,
    ended.provenance,
    ended.output_tokens,
    ended.cached_tokens,
    ended.latency_ms,
    ended.cost_usd - case
        when firsts.first_call_id is not null
            then ended.input_cost_usd + ended.cache_read_cost_usd + ended.cache_write_5m_cost_usd
            + ended.cache_write_1h_cost_usd
        else 0
    end as estimated_cost_usd,
    cast({{ char_count('ended.response_text') }} as bigint) as response_characters,
    ended._source_path,
    ended._source_line,
    ended._batch_id
from ended
left join firsts on firsts.first_call_id = ended.call_id
