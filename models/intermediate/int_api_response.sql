{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['response_text']
) }}

with touched as {{ touched_sessions() }},

ranked as (
    select lines.*
    from {{ ref('int_response_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
),

grouped as (
    select
        response_id,
        max(session_id) as session_id,
        max(line_uuid) filter (where owner_rank = 1) as first_line_uuid,
        max(source_path) filter (where owner_rank = 1) as source_path,
        max(line_number) filter (where owner_rank = 1) as source_line,
        max(message_id) as message_id,
        max(request_id) as request_id,
        -- A transcript states when its lines were written; other sources only repeat them.
        coalesce(min(created_at) filter (where line_origin = 'transcript'), min(created_at)) as started_at,
        coalesce(max(created_at) filter (where line_origin = 'transcript'), max(created_at)) as last_block_at,
        coalesce(nullif(count(*) filter (where line_origin = 'transcript'), 0), count(*)) as line_count,
        greatest(count(distinct line_session_id) filter (where line_origin = 'transcript') - 1, 0)
            as copy_session_count,
        max(latency_ms) as recorded_latency_ms,
        max(first_token_ms) as first_token_ms,
        bool_and(line_origin = 'event') as is_recorded,
        coalesce(bool_or(stop_reason is not null), false) as is_output_final,
        coalesce(bool_and(is_sidechain) filter (where line_origin = 'transcript'), bool_and(is_sidechain))
            as is_sidechain,
        coalesce(bool_or(is_aborted), false) as is_aborted,
        max(cache_miss_reason) as cache_miss_reason,
        max(effort) as effort,
        max(attribution_skill) as attribution_skill,
        max(attribution_plugin) as attribution_plugin,
        max(attribution_agent) as attribution_agent,
        max(attribution_mcp_server) as attribution_mcp_server,
        max(git_branch) filter (where owner_rank = 1) as git_branch,
        sum(reported_cost_usd) as reported_cost_usd
    from ranked
    group by response_id
),

winners as (
    select
        response_id,
        model_raw,
        stop_reason,
        stop_category,
        stop_explanation,
        usage
    from ranked
    where winner_rank = 1
),

-- The text of the response, in the order of writing; thinking counts only by its length.
texts as (
    select
        ranked.response_id,
        min(ranked.created_at) filter (where blocks.block_type <> 'tool_use') as text_started_at,
        min_by(ranked.source_path, (ranked.line_number, ranked.source_path)) filter (
            where blocks.block_type <> 'tool_use'
        ) as text_source_path,
        min(ranked.line_number) filter (where blocks.block_type <> 'tool_use') as text_source_line,
        sum(coalesce(blocks.text_characters, 0)) filter (where blocks.block_type <> 'tool_use')
            as text_characters,
        string_agg(
            blocks.block_text, chr(10) order by ranked.line_number, ranked.line_id, blocks.block_number
        ) filter (
            where blocks.block_type = 'text'
        ) as response_text,
        bool_or(blocks.block_type = 'text') as has_text,
        bool_or(blocks.block_type = 'tool_use') as has_tool_call
    from ranked
    inner join {{ ref('stg_transcripts__block') }} as blocks on blocks.line_id = ranked.line_id
    where not ranked.is_copy and blocks.block_type in ('text', 'thinking', 'redacted_thinking', 'tool_use')
    group by ranked.response_id
),

-- The response is billed as the sum of its inferences. Those without a price add no dollars.
totals as (
    select
        inferences.response_id,
        count(*) as inference_count,
        bool_and(inferences.is_priced) as is_priced,
        cast(sum(inferences.uncached_input_tokens) as bigint) as uncached_input_tokens,
        cast(sum(inferences.output_tokens) as bigint) as output_tokens,
        cast(sum(inferences.cache_read_tokens) as bigint) as cache_read_tokens,
        cast(sum(inferences.cache_write_5m_tokens) as bigint) as cache_write_5m_tokens,
        cast(sum(inferences.cache_write_1h_tokens) as bigint) as cache_write_1h_tokens,
        max(inferences.context_tokens) filter (where inferences.is_answer) as context_tokens,
        cast(sum(inferences.web_search_count) as bigint) as web_search_count,
        sum(inferences.input_cost_usd) as input_cost_usd,
        sum(inferences.cache_write_5m_cost_usd) as cache_write_5m_cost_usd,
        sum(inferences.cache_write_1h_cost_usd) as cache_write_1h_cost_usd,
        sum(inferences.cache_read_cost_usd) as cache_read_cost_usd,
        sum(inferences.output_cost_usd) as output_cost_usd,
        sum(inferences.web_search_cost_usd) as web_search_cost_usd,
        sum(inferences.uncached_cost_usd) as uncached_cost_usd
    from {{ ref('int_inference') }} as inferences
    semi join touched on touched.session_id = inferences.session_id
    group by inferences.response_id
)

select
    grouped.response_id,
    grouped.session_id,
    coalesce(positions.actor, 'main') as actor,
    grouped.message_id,
    grouped.request_id,
    grouped.first_line_uuid,
    grouped.source_path,
    grouped.source_line,
    line_turns.turn_id,
    winners.model_raw,
    {{ normalized_model("coalesce(winners.model_raw, 'unknown')") }} as model_name,
    grouped.started_at,
    grouped.last_block_at,
    positions.thread_position,
    positions.previous_user_at as triggered_at,
    cast(
        case
            when grouped.recorded_latency_ms is not null then grouped.recorded_latency_ms
            when not grouped.is_recorded and positions.previous_user_at <= grouped.started_at
                then {{ ms_between('positions.previous_user_at', 'grouped.started_at') }}
        end as bigint
    ) as latency_ms,
    case
        when grouped.recorded_latency_ms is not null then 'exact'
        when not grouped.is_recorded and positions.previous_user_at <= grouped.started_at then 'upper_bound'
    end as latency_method,
    cast(grouped.first_token_ms as bigint) as first_token_ms,
    case when grouped.is_recorded then 'recorded' else 'observed' end as provenance,
    texts.response_text,
    texts.text_started_at,
    texts.text_source_path,
    texts.text_source_line,
    coalesce(texts.has_text, false) as has_text,
    coalesce(texts.has_tool_call, false) as has_tool_call,
    winners.stop_reason,
    winners.stop_category,
    winners.stop_explanation,
    coalesce(winners.usage.speed, 'standard') as speed,
    winners.usage.service_tier,
    winners.usage.inference_geo,
    grouped.effort,
    grouped.cache_miss_reason,
    grouped.attribution_skill,
    grouped.attribution_plugin,
    grouped.attribution_agent,
    grouped.attribution_mcp_server,
    grouped.git_branch,
    grouped.is_sidechain,
    grouped.is_aborted,
    grouped.is_output_final,
    totals.inference_count > 1 as is_priced_by_iteration,
    totals.is_priced,
    totals.inference_count,
    grouped.line_count,
    grouped.copy_session_count,
    cast(coalesce(texts.text_characters, 0) as bigint) as text_characters,
    totals.uncached_input_tokens,
    totals.output_tokens,
    winners.usage.output_tokens_details.thinking_tokens as thinking_tokens,
    totals.cache_read_tokens,
    totals.cache_write_5m_tokens,
    totals.cache_write_1h_tokens,
    totals.context_tokens,
    totals.web_search_count,
    totals.input_cost_usd,
    totals.cache_write_5m_cost_usd,
    totals.cache_write_1h_cost_usd,
    totals.cache_read_cost_usd,
    totals.output_cost_usd,
    totals.web_search_cost_usd,
    totals.uncached_cost_usd,
    totals.input_cost_usd + totals.cache_write_5m_cost_usd + totals.cache_write_1h_cost_usd
    + totals.cache_read_cost_usd
    + totals.output_cost_usd + totals.web_search_cost_usd as cost_usd,
    grouped.reported_cost_usd,
    touched._batch_id
from grouped
inner join touched on touched.session_id = grouped.session_id
inner join winners on winners.response_id = grouped.response_id
inner join totals on totals.response_id = grouped.response_id
left join texts on texts.response_id = grouped.response_id
left join {{ ref('int_line_turn') }} as line_turns
    on line_turns.line_uuid = grouped.first_line_uuid and line_turns.session_id = grouped.session_id
left join {{ ref('int_line') }} as positions
    on positions.line_uuid = grouped.first_line_uuid and positions.session_id = grouped.session_id
