{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

response_lines as (
    select lines.*
    from {{ ref('int_response_line') }} as lines
    semi join touched on touched.session_id = lines.session_id
),

started as (
    select
        response_id,
        max(session_id) as session_id,
        min(created_at) as started_at
    from response_lines
    group by response_id
),

winners as (
    select
        response_id,
        model_raw,
        usage,
        case when line_origin = 'event' then reported_cost_usd end as recorded_cost_usd
    from response_lines
    where winner_rank = 1
),

web_searches as (
    select
        lines.response_id,
        sum(coalesce(results.result.searchCount, 1)) as web_search_count
    from (
        select distinct response_id, line_id from response_lines
        where not is_copy
    ) as lines
    inner join {{ ref('stg_transcripts__block') }} as calls
        on calls.line_id = lines.line_id and calls.block_type = 'tool_use' and calls.tool_name = 'WebSearch'
    inner join {{ ref('stg_transcripts__block') }} as returns
        on returns.tool_use_id = calls.tool_use_id and returns.block_type = 'tool_result'
        and not returns.is_error
    inner join {{ ref('stg_transcripts__tool_use_result') }} as results on results.line_id = returns.line_id
    group by lines.response_id
),

-- The steps of a server-side loop. `message` and `fallback_message` are the response being written; an
-- adviser and a compaction read the same context for their own purposes.
iteration_lists as (
    select response_id, usage.iterations as iterations
    from winners
    where len(usage.iterations) > 0
),

counted_iterations as (
    select
        response_id,
        iteration_number,
        coalesce(nullif(iteration.type, ''), 'message') as inference_type,
        coalesce(nullif(iteration.type, ''), 'message') in ('message', 'fallback_message') as is_written,
        coalesce(iteration.type, '') like 'advisor%' as is_adviser,
        nullif(iteration.model, '') as model_raw,
        iteration.cache_creation.ephemeral_5m_input_tokens is null
        and iteration.cache_creation.ephemeral_1h_input_tokens is null as has_no_lifetimes,
        {{ counted_tokens('iteration') }}
    from {{ explode('iteration_lists', 'iterations', 'iteration', 'iteration_number') }} as exploded
),

iterations as (
    select *
    from counted_iterations
    where uncached_input_tokens + output_tokens + cache_read_tokens + cache_write_tokens > 0
),

top_levels as (
    select
        response_id,
        {{ counted_tokens('usage') }}
    from winners
),

iteration_sums as (
    select
        response_id,
        count(*) as iteration_count,
        bool_or(inference_type <> 'message') as has_other_type,
        bool_or(is_written) as is_any_written,
        sum(uncached_input_tokens) as uncached_input_tokens,
        sum(output_tokens) as output_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(cache_write_tokens) as cache_write_tokens
    from iterations
    group by response_id
),

-- If they include an adviser, a compaction or a fallback, the iterations are billed individually. Plain
-- iterations are billed individually if the top level is their sum, or was left empty; otherwise the top
-- level is billed as a whole.
bills as (
    select
        tops.response_id,
        coalesce(
            sums.has_other_type
            or tops.uncached_input_tokens + tops.output_tokens + tops.cache_read_tokens = 0
            or (
                sums.iteration_count > 1
                and sums.uncached_input_tokens = tops.uncached_input_tokens
                and sums.output_tokens = tops.output_tokens
                and sums.cache_read_tokens = tops.cache_read_tokens
                and sums.cache_write_tokens = tops.cache_write_tokens
            ), false
        ) as is_by_iteration,
        coalesce(sums.is_any_written, false) as is_any_written,
        -- The share of the cache writes with a lifetime of an hour, for iterations that do not state it.
        case
            when tops.cache_write_tokens > 0
                then cast(tops.cache_write_1h_tokens as double) / tops.cache_write_tokens
            else 0
        end as share_1h
    from top_levels as tops
    left join iteration_sums as sums on sums.response_id = tops.response_id
),

shared_writes as (
    select
        iterations.*,
        bills.share_1h,
        case
            when iterations.has_no_lifetimes and not iterations.is_adviser then iterations.cache_write_tokens
            else 0
        end as unsaid_tokens,
        sum(
            case
                when iterations.has_no_lifetimes and not iterations.is_adviser
                    then iterations.cache_write_tokens
                else 0
            end
        ) over (
            partition by iterations.response_id order by iterations.iteration_number
            rows between unbounded preceding and current row
        ) as running_unsaid_tokens
    from iterations
    inner join bills on bills.response_id = iterations.response_id
    where bills.is_by_iteration
),

units as (
    select
        response_id,
        iteration_number as inference_number,
        inference_type,
        is_written,
        is_adviser,
        model_raw,
        uncached_input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_write_tokens,
        cache_write_1h_tokens
        + cast(
            round(running_unsaid_tokens * share_1h)
            - round((running_unsaid_tokens - unsaid_tokens) * share_1h) as bigint
        ) as cache_write_1h_tokens
    from shared_writes
    union all
    -- The top level: the only inference of most responses, and the written part if the iterations name only
    -- helpers.
    select
        tops.response_id,
        0 as inference_number,
        'message' as inference_type,
        true as is_written,
        false as is_adviser,
        cast(null as varchar) as model_raw,
        tops.uncached_input_tokens,
        tops.output_tokens,
        tops.cache_read_tokens,
        tops.cache_write_tokens,
        tops.cache_write_1h_tokens
    from top_levels as tops
    inner join bills on bills.response_id = tops.response_id
    where not (bills.is_by_iteration and bills.is_any_written)
),

placed as (
    select
        units.response_id,
        started.session_id,
        started.started_at,
        row_number() over (partition by units.response_id order by units.inference_number)
            as inference_number,
        units.inference_type,
        units.is_written,
        -- The last inference whose output is part of the response is the response that the client received.
        row_number() over (
            partition by units.response_id order by units.is_written desc, units.inference_number desc
        ) = 1 as is_answer,
        -- An adviser is a different model, and the fast mode does not apply to it.
        case when units.is_adviser then units.model_raw else coalesce(units.model_raw, winners.model_raw) end
            as model_raw,
        case when units.is_adviser then 'standard' else coalesce(winners.usage.speed, 'standard') end
            as speed,
        coalesce(winners.usage.inference_geo, '') = 'us' as is_us_inference,
        coalesce(winners.usage.service_tier, '') = 'batch' as is_batch,
        units.uncached_input_tokens,
        units.output_tokens,
        units.cache_read_tokens,
        greatest(units.cache_write_tokens - units.cache_write_1h_tokens, 0) as cache_write_5m_tokens,
        units.cache_write_1h_tokens,
        units.uncached_input_tokens + units.cache_read_tokens
        + greatest(units.cache_write_tokens, units.cache_write_1h_tokens) as context_tokens,
        -- For a model without a price, a program may record the cost of the call: each of its tokens costs
        -- the same.
        winners.recorded_cost_usd / nullif(
            sum(
                units.uncached_input_tokens + units.cache_read_tokens + units.output_tokens
                + greatest(units.cache_write_tokens, units.cache_write_1h_tokens)
            ) over (partition by units.response_id), 0
        ) as recorded_usd_per_token,
        greatest(
            coalesce(winners.usage.server_tool_use.web_search_requests, 0),
            coalesce(web_searches.web_search_count, 0)
        ) as web_search_count
    from units
    inner join winners on winners.response_id = units.response_id
    inner join started on started.response_id = units.response_id
    left join web_searches on web_searches.response_id = units.response_id
),

inferences as (
    select
        *,
        {{ normalized_model("coalesce(model_raw, 'unknown')") }} as model_name
    from placed
),

prices as (
    select * from {{ ref('model_prices') }}
),

priced_models as (
    select distinct model_name
    from prices
),

priced_speeds as (
    select distinct model_name, speed
    from prices
),

-- The most expensive price band that the whole inference reaches: its input, cache reads and cache writes
-- together.
banded as (
    select
        inferences.*,
        prices.input_usd_per_mtok as listed_usd_per_mtok,
        prices.cache_write_5m_usd_per_mtok as listed_write_5m_usd_per_mtok,
        coalesce(prices.cache_write_1h_usd_per_mtok, 2 * prices.input_usd_per_mtok)
            as listed_write_1h_usd_per_mtok,
        prices.cache_read_usd_per_mtok as listed_read_usd_per_mtok,
        prices.output_usd_per_mtok as listed_output_usd_per_mtok,
        prices.web_search_usd as listed_web_search_usd,
        case when inferences.is_us_inference then prices.us_inference_multiplier else 1 end
        * case when inferences.is_batch then prices.batch_multiplier else 1 end / 1e6 as listed_multiplier,
        row_number() over (
            partition by inferences.response_id, inferences.inference_number
            order by prices.prompt_tokens_above desc nulls last
        ) as band_rank
    from inferences
    left join prices
        on prices.model_name = inferences.model_name
        and prices.speed = inferences.speed
        and cast(coalesce(inferences.started_at, timestamp '2024-01-01 00:00:00') as date)
        >= prices.valid_from
        and (
            prices.valid_to is null
            or cast(coalesce(inferences.started_at, timestamp '2024-01-01 00:00:00') as date)
            < prices.valid_to
        )
        and (prices.prompt_tokens_above = 0 or prices.prompt_tokens_above < inferences.context_tokens)
),

priced as (
    select
        *,
        coalesce(listed_usd_per_mtok, recorded_usd_per_token * 1e6) as input_usd_per_mtok,
        case
            when is_recorded_price then recorded_usd_per_token * 1e6 else listed_write_5m_usd_per_mtok
        end as cache_write_5m_usd_per_mtok,
        case
            when is_recorded_price then recorded_usd_per_token * 1e6 else listed_write_1h_usd_per_mtok
        end as cache_write_1h_usd_per_mtok,
        case when is_recorded_price then recorded_usd_per_token * 1e6 else listed_read_usd_per_mtok end
            as cache_read_usd_per_mtok,
        case when is_recorded_price then recorded_usd_per_token * 1e6 else listed_output_usd_per_mtok end
            as output_usd_per_mtok,
        case when is_recorded_price then 0 else listed_web_search_usd end as web_search_usd,
        case when is_recorded_price then 1e-6 else listed_multiplier end as multiplier
    from (
        select
            *,
            listed_usd_per_mtok is null and recorded_usd_per_token is not null as is_recorded_price
        from banded
        where band_rank = 1
    ) as bands
)

select
    {{ surrogate_key(['priced.response_id', 'priced.inference_number']) }} as inference_id,
    priced.response_id,
    priced.session_id,
    priced.started_at,
    priced.inference_type,
    priced.model_raw,
    priced.model_name,
    priced.speed,
    case
        when priced.input_usd_per_mtok is not null then null
        when priced.model_raw is null then 'model_not_named'
        when {{ is_opaque_model('priced.model_raw') }} then 'profile_hides_model'
        when priced_models.model_name is null then 'unknown_model'
        when priced_speeds.model_name is null then 'no_price_for_speed'
        else 'no_price_for_date'
    end as unpriced_reason,
    priced.is_answer,
    priced.is_written,
    priced.input_usd_per_mtok is not null as is_priced,
    priced.inference_number,
    priced.uncached_input_tokens,
    priced.output_tokens,
    priced.cache_read_tokens,
    priced.cache_write_5m_tokens,
    priced.cache_write_1h_tokens,
    priced.context_tokens,
    cast(case when priced.is_answer then priced.web_search_count else 0 end as bigint) as web_search_count,
    priced.uncached_input_tokens * priced.input_usd_per_mtok * priced.multiplier as input_cost_usd,
    priced.cache_write_5m_tokens * priced.cache_write_5m_usd_per_mtok * priced.multiplier
        as cache_write_5m_cost_usd,
    priced.cache_write_1h_tokens * priced.cache_write_1h_usd_per_mtok * priced.multiplier
        as cache_write_1h_cost_usd,
    priced.cache_read_tokens * priced.cache_read_usd_per_mtok * priced.multiplier as cache_read_cost_usd,
    priced.output_tokens * priced.output_usd_per_mtok * priced.multiplier as output_cost_usd,
    case when priced.is_answer then priced.web_search_count else 0 end * priced.web_search_usd
        as web_search_cost_usd,
    input_cost_usd + cache_write_5m_cost_usd + cache_write_1h_cost_usd + cache_read_cost_usd + output_cost_usd
    + web_search_cost_usd
        as cost_usd,
    -- The cost of the cached tokens as fresh input: the saving is this minus their actual cost.
    (priced.cache_read_tokens + priced.cache_write_5m_tokens + priced.cache_write_1h_tokens)
    * priced.input_usd_per_mtok * priced.multiplier as uncached_cost_usd,
    touched._batch_id
from priced
inner join touched on touched.session_id = priced.session_id
left join priced_models on priced_models.model_name = priced.model_name
left join priced_speeds on priced_speeds.model_name = priced.model_name and priced_speeds.speed = priced.speed
