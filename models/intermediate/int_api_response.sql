{{ config(materialized='incremental', incremental_strategy='replace_touched', on_schema_change='append_new_columns') }}

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
        min(created_at) as started_at,
        max(created_at) as last_block_at,
        count(*) as line_count,
        count(distinct line_session_id) - 1 as copy_session_count,
        coalesce(bool_or(stop_reason is not null), false) as is_output_final,
        bool_and(is_sidechain) as is_sidechain,
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
        usage,
        coalesce(len(usage.iterations), 0) > 0
        and {{ has_other_iteration('usage.iterations') }} as is_priced_by_iteration
    from ranked
    where winner_rank = 1
),

web_searches as (
    select
        lines.message_key,
        sum(coalesce(results.result.searchCount, 1)) as web_search_count
    from (select distinct message_key, file_id, line_number, part_number from ranked where not is_copy) as lines
    inner join {{ ref('stg_transcripts__block') }} as calls
        on calls.file_id = lines.file_id and calls.line_number = lines.line_number and calls.part_number = lines.part_number
        and calls.block_type = 'tool_use' and calls.tool_name = 'WebSearch'
    inner join {{ ref('stg_transcripts__block') }} as returns
        on returns.tool_use_id = calls.tool_use_id and returns.block_type = 'tool_result' and not returns.is_error
    inner join {{ ref('stg_transcripts__tool_use_result') }} as results
        on results.file_id = returns.file_id and results.line_number = returns.line_number and results.part_number = returns.part_number
    group by lines.message_key
),

-- What is billed: the top level of the usage, or each iteration of a server-side loop with the model that ran it.
unit_lists as (
    select
        response_id,
        model_raw,
        usage,
        case
            when is_priced_by_iteration then usage.iterations
            else {{ single_unit('usage', 'model_raw') }}
        end as units
    from winners
),

units as (
    select
        response_id,
        unit_number,
        {{ normalized_model("coalesce(unit.model, model_raw, 'unknown')") }} as model_name,
        coalesce(usage.speed, 'standard') as speed,
        coalesce(usage.inference_geo, '') = 'us' as is_us_inference,
        coalesce(usage.service_tier, '') = 'batch' as is_batch,
        greatest(coalesce(unit.input_tokens, 0), 0) as input_tokens,
        greatest(coalesce(unit.output_tokens, 0), 0) as output_tokens,
        greatest(coalesce(unit.cache_read_input_tokens, 0), 0) as cache_read_tokens,
        greatest(coalesce(unit.cache_creation.ephemeral_1h_input_tokens, 0), 0) as cache_write_1h_tokens,
        -- The total stands above its split by lifetime, but a client of early 2026 wrote 0 above a filled split.
        greatest(
            coalesce(unit.cache_creation_input_tokens, 0) - coalesce(unit.cache_creation.ephemeral_1h_input_tokens, 0),
            case
                when coalesce(unit.cache_creation_input_tokens, 0) = 0
                    then coalesce(unit.cache_creation.ephemeral_5m_input_tokens, 0)
                else 0
            end,
            0
        ) as cache_write_5m_tokens
    from {{ explode('unit_lists', 'units', 'unit', 'unit_number') }} as exploded
),

prices as (
    select * from {{ ref('model_prices') }}
),

-- The dearest band that the whole request reaches: its input, cache reads and cache writes together.
priced_units as (
    select
        units.*,
        prices.input_usd_per_mtok,
        prices.cache_write_5m_usd_per_mtok,
        prices.cache_write_1h_usd_per_mtok,
        prices.cache_read_usd_per_mtok,
        prices.output_usd_per_mtok,
        prices.web_search_usd,
        case when units.is_us_inference then prices.us_inference_multiplier else 1 end
        * case when units.is_batch then prices.batch_multiplier else 1 end / 1e6 as multiplier,
        row_number() over (
            partition by units.response_id, units.unit_number order by prices.prompt_tokens_above desc nulls last
        ) as band_rank
    from units
    inner join grouped on grouped.response_id = units.response_id
    left join prices
        on prices.model_name = units.model_name
        and prices.speed = units.speed
        and cast(coalesce(grouped.started_at, timestamp '2024-01-01 00:00:00') as date) >= prices.valid_from
        and (prices.valid_to is null or cast(coalesce(grouped.started_at, timestamp '2024-01-01 00:00:00') as date) < prices.valid_to)
        and (
            prices.prompt_tokens_above = 0
            or units.input_tokens + units.cache_read_tokens + units.cache_write_5m_tokens + units.cache_write_1h_tokens
            > prices.prompt_tokens_above
        )
),

totals as (
    select
        response_id,
        cast(sum(input_tokens) as bigint) as input_tokens,
        cast(sum(output_tokens) as bigint) as output_tokens,
        cast(sum(cache_read_tokens) as bigint) as cache_read_tokens,
        cast(sum(cache_write_5m_tokens) as bigint) as cache_write_5m_tokens,
        cast(sum(cache_write_1h_tokens) as bigint) as cache_write_1h_tokens,
        bool_and(input_usd_per_mtok is not null) as is_priced,
        max(web_search_usd) as web_search_usd,
        sum(input_tokens * input_usd_per_mtok * multiplier) as input_cost_usd,
        sum(cache_write_5m_tokens * cache_write_5m_usd_per_mtok * multiplier) as cache_write_5m_cost_usd,
        sum(cache_write_1h_tokens * coalesce(cache_write_1h_usd_per_mtok, 2 * input_usd_per_mtok) * multiplier)
            as cache_write_1h_cost_usd,
        sum(cache_read_tokens * cache_read_usd_per_mtok * multiplier) as cache_read_cost_usd,
        sum(output_tokens * output_usd_per_mtok * multiplier) as output_cost_usd,
        -- What the cached tokens would have cost as fresh input: the saving is this less what they did cost.
        sum((cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens) * input_usd_per_mtok * multiplier)
            as uncached_cost_usd
    from priced_units
    where band_rank = 1
    group by response_id
),

counted as (
    select
        grouped.response_id,
        grouped.message_id,
        cast(greatest(
            coalesce(winners.usage.server_tool_use.web_search_requests, 0), coalesce(web_searches.web_search_count, 0)
        ) as bigint) as web_search_count
    from grouped
    inner join winners on winners.response_id = grouped.response_id
    left join web_searches on web_searches.message_key = coalesce(grouped.message_id, grouped.first_line_uuid)
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
    winners.model_raw,
    {{ normalized_model("coalesce(winners.model_raw, 'unknown')") }} as model_name,
    grouped.started_at,
    grouped.last_block_at,
    positions.thread_position,
    positions.previous_user_at as triggered_at,
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
    winners.is_priced_by_iteration,
    totals.is_priced,
    grouped.line_count,
    grouped.copy_session_count,
    totals.input_tokens,
    totals.output_tokens,
    winners.usage.output_tokens_details.thinking_tokens as thinking_tokens,
    totals.cache_read_tokens,
    totals.cache_write_5m_tokens,
    totals.cache_write_1h_tokens,
    totals.input_tokens + totals.cache_read_tokens + totals.cache_write_5m_tokens + totals.cache_write_1h_tokens as context_tokens,
    counted.web_search_count,
    case when totals.is_priced then totals.input_cost_usd end as input_cost_usd,
    case when totals.is_priced then totals.cache_write_5m_cost_usd end as cache_write_5m_cost_usd,
    case when totals.is_priced then totals.cache_write_1h_cost_usd end as cache_write_1h_cost_usd,
    case when totals.is_priced then totals.cache_read_cost_usd end as cache_read_cost_usd,
    case when totals.is_priced then totals.output_cost_usd end as output_cost_usd,
    case when totals.is_priced then counted.web_search_count * totals.web_search_usd end as web_search_cost_usd,
    case when totals.is_priced then totals.uncached_cost_usd end as uncached_cost_usd,
    grouped.reported_cost_usd,
    touched._batch_id
from grouped
inner join touched on touched.session_id = grouped.session_id
inner join winners on winners.response_id = grouped.response_id
inner join totals on totals.response_id = grouped.response_id
inner join counted on counted.response_id = grouped.response_id
left join {{ ref('int_line') }} as positions
    on positions.line_uuid = grouped.first_line_uuid and positions.session_id = grouped.session_id
