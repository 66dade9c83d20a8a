{{ config(
    materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns',
    zstd_columns=['response_text']
) }}

with touched as {{ touched_sessions() }},

calls as (
    select calls.*
    from {{ ref('fact_api_call') }} as calls
    semi join touched on touched.session_id = calls.session_id
    where calls.success
),

texts as (
    select
        lines.response_id,
        string_agg(blocks.block_text, chr(10) order by lines.line_number, blocks.block_number) filter (where blocks.block_type = 'text')
            as response_text,
        bool_or(blocks.block_type = 'tool_use') as has_tool_call
    from {{ ref('int_response_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    inner join {{ ref('stg_transcripts__block') }} as blocks
        on blocks.file_id = lines.file_id and blocks.line_number = lines.line_number and blocks.part_number = lines.part_number
    where not lines.is_copy and blocks.block_type in ('text', 'tool_use')
    group by lines.response_id
),

firsts as (
    select
        prompt_id,
        min_by(call_id, (agent_run_id is not null, called_at, call_id)) as first_call_id
    from calls
    group by prompt_id
),

-- The answer with which the main thread ended its turn, where somebody came after it: then nothing was cut off.
lasts as (
    select
        calls.prompt_id,
        max_by(calls.call_id, (responses.thread_position, calls.call_id)) as last_call_id
    from calls
    inner join {{ ref('int_api_response') }} as responses on responses.response_id = calls.call_id
    inner join {{ ref('int_turn') }} as turns on turns.turn_id = calls.prompt_id
    where responses.actor = 'main' and turns.next_turn_id is not null and turns.interrupted_at is null
    group by calls.prompt_id
),

-- Old clients do not log why an answer ended.
ended as (
    select
        calls.*,
        texts.response_text,
        case
            when calls.stop_reason is not null then 'logged'
            when texts.has_tool_call then 'tool_call'
            when lasts.last_call_id is not null and texts.response_text is not null then 'last_answer'
        end as finish_reason_basis
    from calls
    left join texts on texts.response_id = calls.call_id
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
        when ended.finish_reason_basis = 'last_answer' or ended.stop_reason in ('end_turn', 'stop_sequence') then 'stop'
        when ended.stop_reason in ('max_tokens', 'model_context_window_exceeded') then 'length'
        else ended.stop_reason
    end as finish_reason,
    ended.finish_reason_basis,
    case
        when responses.stop_reason = 'refusal'
            then {{ as_json({
                'stop_reason': 'responses.stop_reason', 'category': 'responses.stop_category',
                'explanation': 'responses.stop_explanation'
            }) }}
    end as safety_flags,
    'observed' as provenance,
    ended.output_tokens,
    ended.cached_tokens,
    ended.latency_ms,
    ended.cost_usd - case
        when firsts.first_call_id is not null
            then ended.input_cost_usd + ended.cache_read_cost_usd + ended.cache_write_5m_cost_usd + ended.cache_write_1h_cost_usd
        else 0
    end as estimated_cost_usd,
    cast(length(ended.response_text) as bigint) as response_characters,
    ended._source_path,
    ended._source_line,
    ended._batch_id
from ended
inner join {{ ref('int_api_response') }} as responses on responses.response_id = ended.call_id
left join firsts on firsts.first_call_id = ended.call_id
