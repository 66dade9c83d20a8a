{{ config(materialized='table') }}

with calls as (
    select * from {{ ref('fact_api_call') }}
    where success
),

response_lines as (
    select line_id, response_id, is_nested, ccusage_skip_reason, line_origin
    from {{ ref('int_response_line') }}
),

-- ccusage: compared per response, for each of its two ways of counting.
reports as (
    select 'session' as ccusage_report
    union all
    select 'daily'
),

skipped as (
    select
        response_id,
        bool_and(is_nested) as is_nested,
        min(ccusage_skip_reason) filter (where line_origin = 'transcript') as skip_reason,
        bool_and(line_origin <> 'transcript') as is_in_no_transcript
    from response_lines
    group by response_id
),

by_response as (
    select
        reports.ccusage_report,
        calls.session_id,
        calls.call_id,
        case
            when entries.response_id is null and skipped.is_in_no_transcript then 'not_in_transcripts'
            when entries.response_id is null and skipped.is_nested then 'ccusage_skips_nested_lines'
            when entries.response_id is null and skipped.skip_reason = 'null_field'
                then 'ccusage_skips_lines_with_a_null'
            when entries.response_id is null and skipped.skip_reason is not null
                then 'ccusage_skips_spaced_json'
            when entries.response_id is null then 'ccusage_skips_odd_lines'
            when entries.entry_count > 1 then 'ccusage_counts_copies_again'
            when abs(calls.cost_usd - calls.web_search_cost_usd - entries.cost_usd) < 1e-9 then 'agrees'
            when not calls.is_priced then 'no_price_here'
            when calls.inference_count > 1 then 'iterations_not_counted_by_ccusage'
            when not entries.is_known_model then 'model_unknown_to_ccusage'
            when calls.speed = 'fast' then 'fast_mode_price'
            when calls.inference_geo = 'us' then 'us_inference_not_priced_by_ccusage'
            when calls.service_tier = 'batch' then 'batch_not_priced_by_ccusage'
            when entries.total_tokens <> calls.total_tokens then 'ccusage_takes_another_copy'
            when calls.context_tokens > 100000 then 'long_context_by_whole_request'
            else 'tokens_or_dated_price'
        end as cause,
        coalesce(calls.cost_usd - calls.web_search_cost_usd, 0) as our_usd,
        coalesce(entries.cost_usd, 0) as their_usd
    from calls
    cross join reports
    left join {{ ref('int_ccusage_response') }} as entries
        on entries.response_id = calls.call_id and entries.ccusage_report = reports.ccusage_report
    left join skipped on skipped.response_id = calls.call_id
    union all
    select
        reports.ccusage_report, calls.session_id, calls.call_id, 'web_search_fee', calls.web_search_cost_usd,
        0
    from calls
    cross join reports
    where calls.web_search_cost_usd > 0
),

-- The client's own `cost-state`: the last line of a session, compared per model.
reported as (
    select *
    from (
        select
            *,
            rank() over (partition by session_id order by total_cost_usd desc, line_id desc) as recency
        from {{ ref('stg_transcripts__cost_state') }}
    ) as ranked
    where recency = 1
),

reported_models as (
    select
        session_id,
        model_name,
        sum(uncached_input_tokens) as uncached_input_tokens,
        sum(output_tokens) as output_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(cache_write_tokens) as cache_write_tokens,
        sum(coalesce(cache_write_1h_tokens, cache_write_tokens)) as cache_write_1h_tokens,
        sum(web_search_count) as web_search_count,
        sum(cost_usd) as cost_usd
    from reported
    group by all
),

our_models as (
    select
        calls.session_id,
        inferences.model_name,
        count(*) filter (where not calls.is_output_final) as unfinished_count,
        sum(inferences.output_tokens) as output_tokens,
        sum(coalesce(inferences.cost_usd, 0)) as cost_usd
    from calls
    inner join {{ ref('int_inference') }} as inferences on inferences.response_id = calls.call_id
    semi join reported_models on reported_models.session_id = calls.session_id
    group by all
),

-- The client's tokens at our list prices: the remaining difference is due to its price table.
repriced as (
    select
        coalesce(reported_models.session_id, our_models.session_id) as session_id,
        coalesce(reported_models.model_name, our_models.model_name) as model_name,
        our_models.session_id is null as is_only_theirs,
        reported_models.session_id is null as is_only_ours,
        coalesce(our_models.unfinished_count, 0) as unfinished_count,
        coalesce(reported_models.cost_usd, 0) as their_usd,
        coalesce(our_models.cost_usd, 0) as our_usd,
        (
            reported_models.uncached_input_tokens * prices.input_usd_per_mtok
            + reported_models.output_tokens * prices.output_usd_per_mtok
            + reported_models.cache_read_tokens * prices.cache_read_usd_per_mtok
            + (reported_models.cache_write_tokens - reported_models.cache_write_1h_tokens)
            * prices.cache_write_5m_usd_per_mtok
            + reported_models.cache_write_1h_tokens * prices.cache_write_1h_usd_per_mtok
        ) / 1e6 + reported_models.web_search_count * prices.web_search_usd as their_tokens_at_list_usd,
        greatest(reported_models.output_tokens - our_models.output_tokens, 0)
        * prices.output_usd_per_mtok / 1e6 as missing_output_usd,
        sessions.is_fork
    from reported_models
    full outer join our_models
        on our_models.session_id = reported_models.session_id
        and our_models.model_name = reported_models.model_name
    inner join {{ ref('dim_session') }} as sessions
        on sessions.session_id = coalesce(reported_models.session_id, our_models.session_id)
    left join {{ ref('model_prices') }} as prices
        on prices.model_name = coalesce(reported_models.model_name, our_models.model_name)
        and prices.speed = 'standard' and prices.prompt_tokens_above = 0
        and cast(coalesce(sessions.ended_at, sessions.started_at) as date) >= prices.valid_from
        and (
            prices.valid_to is null
            or cast(coalesce(sessions.ended_at, sessions.started_at) as date) < prices.valid_to
        )
),

-- A difference below a millionth of a dollar counts as none.
cost_state_parts as (
    select
        session_id,
        'agrees_or_common_part' as cause,
        our_usd,
        our_usd as their_usd
    from repriced
    union all
    select session_id, 'client_price_table', 0, their_usd - their_tokens_at_list_usd
    from repriced
    where abs(their_usd - their_tokens_at_list_usd) > 1e-6
    union all
    select session_id, 'output_not_final_in_transcript', 0, missing_output_usd
    from repriced
    where unfinished_count > 0 and missing_output_usd > 1e-6
    union all
    select
        session_id,
        case
            when is_only_ours then 'model_absent_from_cost_state'
            when is_fork then 'fork_starts_with_parent_total'
            when is_only_theirs then 'auxiliary_model_not_in_transcript'
            when rest_usd > 0 then 'requests_not_in_transcript'
            else 'transcript_is_ahead_of_cost_state'
        end,
        0,
        rest_usd
    from (
        select
            *,
            coalesce(their_tokens_at_list_usd, their_usd) - our_usd
            - case when unfinished_count > 0 then coalesce(missing_output_usd, 0) else 0 end as rest_usd
        from repriced
    ) as rests
    where abs(rest_usd) > 1e-6
),

comparisons as (
    select 'ccusage ' || ccusage_report as comparison, session_id, cause, call_id, our_usd, their_usd
    from by_response
    union all
    select 'cost-state' as comparison, session_id, cause, cast(null as varchar) as call_id, our_usd, their_usd
    from cost_state_parts
)

select
    session_id,
    comparison,
    cause,
    cast(count(call_id) as bigint) as response_count,
    cast(sum(our_usd) as double) as our_usd,
    cast(sum(their_usd) as double) as their_usd,
    cast(sum(our_usd) - sum(their_usd) as double) as difference_usd
from comparisons
group by all
