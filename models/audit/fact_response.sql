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
        string_agg(blocks.block_text, chr(10) order by lines.line_number, blocks.block_number) as response_text
    from {{ ref('int_response_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
    inner join {{ ref('stg_transcripts__block') }} as blocks
        on blocks.file_id = lines.file_id and blocks.line_number = lines.line_number and blocks.part_number = lines.part_number
    where not lines.is_copy and blocks.block_type = 'text'
    group by lines.response_id
),

firsts as (
    select
        prompt_id,
        min_by(call_id, (agent_run_id is not null, called_at, call_id)) as first_call_id
    from calls
    group by prompt_id
)

select
    calls.call_id as response_id,
    calls.prompt_id,
    calls.session_id,
    calls.agent_id,
    calls.model_id,
    calls.called_at as responded_at,
    left(texts.response_text, {{ var('text_characters_kept') }}) as response_text,
    md5(texts.response_text) as response_hash,
    case calls.stop_reason
        when 'end_turn' then 'stop'
        when 'stop_sequence' then 'stop'
        when 'max_tokens' then 'length'
        when 'model_context_window_exceeded' then 'length'
        else calls.stop_reason
    end as finish_reason,
    case
        when responses.stop_reason = 'refusal'
            then {{ as_json({
                'stop_reason': 'responses.stop_reason', 'category': 'responses.stop_category',
                'explanation': 'responses.stop_explanation'
            }) }}
    end as safety_flags,
    'observed' as provenance,
    calls.output_tokens,
    calls.cached_tokens,
    calls.latency_ms,
    calls.cost_usd - case
        when firsts.first_call_id is not null
            then calls.input_cost_usd + calls.cache_read_cost_usd + calls.cache_write_5m_cost_usd + calls.cache_write_1h_cost_usd
        else 0
    end as estimated_cost_usd,
    cast(length(texts.response_text) as bigint) as response_characters,
    calls._source_path,
    calls._source_line,
    calls._batch_id
from calls
inner join {{ ref('int_api_response') }} as responses on responses.response_id = calls.call_id
left join texts on texts.response_id = calls.call_id
left join firsts on firsts.first_call_id = calls.call_id
