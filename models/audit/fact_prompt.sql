{{ config(zstd_columns=['prompt_text']) }}

with turns as (
    select * from {{ ref('int_turn') }}
),

calls as (
    select * from {{ ref('fact_api_call') }}
    where success
),

caused as (
    select
        prompt_id,
        count(*) as response_count,
        count(distinct agent_run_id) as subagent_count,
        sum(output_tokens) as output_tokens,
        sum(total_tokens) as total_tokens,
        sum(cost_usd) as cost_usd,
        max(called_at) as last_response_at,
        min_by(model_id, (called_at, call_id)) as model_id,
        min_by(call_id, (agent_run_id is not null, called_at, call_id)) as first_call_id
    from calls
    group by prompt_id
),

tool_calls as (
    select
        prompt_id,
        count(*) as tool_call_count,
        count(*) filter (where status = 'error') as tool_error_count
    from {{ ref('fact_tool_invocation') }}
    group by prompt_id
),

bodies as (
    select
        turn_id,
        min(command_name) as command_name,
        min(template_hash) as template_hash
    from {{ ref('int_prompt_body') }}
    where turn_id is not null
    group by turn_id
)

select
    turns.turn_id as prompt_id,
    turns.session_id,
    case when bodies.turn_id is not null then {{ surrogate_key(['bodies.command_name', 'bodies.template_hash']) }} end as template_id,
    caused.model_id,
    case when turns.is_human and turns.prompt_text is not null then {{ surrogate_key(['md5(turns.prompt_text)']) }} end as intent_id,
    actors.agent_id,
    sessions.user_id,
    turns.prompted_at,
    caused.last_response_at,
    turns.interrupted_at,
    left(turns.prompt_text, {{ var('text_characters_kept') }}) as prompt_text,
    md5(turns.prompt_text) as prompt_hash,
    cast(null as varchar) as system_prompt,
    turns.prompt_origin,
    turns.command_name,
    turns.permission_mode,
    'observed' as provenance,
    turns.is_human,
    turns.interrupted_at is not null as was_interrupted,
    cast(turns.turn_number as integer) as turn_number,
    cast(length(turns.prompt_text) as bigint) as prompt_characters,
    cast(turns.image_count as integer) as image_count,
    first_calls.context_tokens as input_tokens,
    -- The price of sending it: the input side of the first response. Its answers carry the rest, so that both add up.
    first_calls.input_cost_usd + first_calls.cache_read_cost_usd + first_calls.cache_write_5m_cost_usd
    + first_calls.cache_write_1h_cost_usd as estimated_cost_usd,
    cast(coalesce(caused.response_count, 0) as bigint) as response_count,
    cast(coalesce(caused.subagent_count, 0) as bigint) as subagent_count,
    cast(coalesce(tool_calls.tool_call_count, 0) as bigint) as tool_call_count,
    cast(coalesce(tool_calls.tool_error_count, 0) as bigint) as tool_error_count,
    cast(coalesce(caused.output_tokens, 0) as bigint) as caused_output_tokens,
    cast(coalesce(caused.total_tokens, 0) as bigint) as caused_tokens,
    caused.cost_usd as caused_cost_usd,
    turns.source_path as _source_path,
    turns.source_line as _source_line,
    turns._batch_id
from turns
inner join {{ ref('int_session') }} as sessions on sessions.session_id = turns.session_id
inner join {{ ref('int_actor') }} as actors on actors.session_id = turns.session_id and actors.actor = 'main'
left join caused on caused.prompt_id = turns.turn_id
left join calls as first_calls on first_calls.call_id = caused.first_call_id
left join tool_calls on tool_calls.prompt_id = turns.turn_id
left join bodies on bodies.turn_id = turns.turn_id
