{{ config(materialized='table') }}

-- The provider's days are days of UTC, and so are ours here: no difference comes from a time zone.
with usages as (
    select
        *,
        case
            when contains(service_tier, 'batch') then 'batch'
            when service_tier = 'priority' then 'priority'
            else 'standard'
        end as billing_pool,
        -- A report that was read again may be grouped in another way: of each day, the newest reading counts.
        rank() over (partition by usage_date, report order by read_at desc) as reading_rank
    from {{ ref('fact_provider_usage') }}
),

theirs as (
    select
        usage_date,
        coalesce(model_name, 'none') as model_name,
        billing_pool,
        string_agg(distinct workspace, ', ' order by workspace) as workspaces,
        max(read_at) as read_at,
        sum(uncached_input_tokens) as uncached_input_tokens,
        sum(output_tokens) as output_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(cache_write_5m_tokens) as cache_write_5m_tokens,
        sum(cache_write_1h_tokens) as cache_write_1h_tokens,
        sum(web_search_count) as web_search_count,
        sum(amount_usd) as amount_usd,
        -- The console's export rounds each row to cents.
        0.005 * count(*) filter (where abs(amount_usd - round(amount_usd, 2)) < 1e-9) as most_rounding_usd
    from usages
    where reading_rank = 1
    group by all
),

reported_days as (
    select distinct usage_date from theirs
),

ours as (
    select
        cast(inferences.called_at as date) as usage_date,
        models.model_name,
        case when calls.service_tier in ('batch', 'priority') then calls.service_tier else 'standard' end
            as billing_pool,
        count(distinct inferences.call_id) as response_count,
        count(distinct inferences.call_id) filter (where not calls.is_output_final) as unfinished_count,
        sum(inferences.uncached_input_tokens) as uncached_input_tokens,
        sum(inferences.output_tokens) as output_tokens,
        sum(inferences.cache_read_tokens) as cache_read_tokens,
        sum(inferences.cache_write_5m_tokens) as cache_write_5m_tokens,
        sum(inferences.cache_write_1h_tokens) as cache_write_1h_tokens,
        sum(inferences.web_search_count) as web_search_count,
        coalesce(sum(inferences.cost_usd), 0) as cost_usd,
        coalesce(sum(inferences.cost_usd) filter (where starts_with(sessions.entrypoint, 'sdk')), 0)
            as sdk_cost_usd
    from {{ ref('fact_inference') }} as inferences
    inner join {{ ref('fact_api_call') }} as calls on calls.call_id = inferences.call_id
    inner join {{ ref('dim_model') }} as models on models.model_id = inferences.model_id
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = inferences.session_id
    semi join reported_days on reported_days.usage_date = cast(inferences.called_at as date)
    where calls.success
    group by all
),

-- What the client counted and wrote to no transcript, and whether transcripts are missing.
days as (
    select
        activity_date as usage_date,
        coalesce(sum(unlogged_cost_usd), 0) as unlogged_cost_usd,
        bool_or(is_complete is false) as is_incomplete
    from {{ ref('v_completeness') }}
    group by activity_date
),

pairs as (
    select
        coalesce(theirs.usage_date, ours.usage_date) as usage_date,
        coalesce(theirs.model_name, ours.model_name) as model_name,
        coalesce(theirs.billing_pool, ours.billing_pool) as billing_pool,
        theirs.workspaces,
        theirs.read_at,
        theirs.usage_date is not null as is_theirs,
        ours.usage_date is not null as is_ours,
        coalesce(ours.response_count, 0) as response_count,
        coalesce(ours.unfinished_count, 0) as unfinished_count,
        coalesce(ours.uncached_input_tokens, 0) as our_uncached_input_tokens,
        coalesce(ours.output_tokens, 0) as our_output_tokens,
        coalesce(ours.cache_read_tokens, 0) as our_cache_read_tokens,
        coalesce(ours.cache_write_5m_tokens, 0) as our_cache_write_5m_tokens,
        coalesce(ours.cache_write_1h_tokens, 0) as our_cache_write_1h_tokens,
        coalesce(ours.cost_usd, 0) as our_usd,
        coalesce(ours.sdk_cost_usd, 0) as our_sdk_usd,
        theirs.uncached_input_tokens as their_uncached_input_tokens,
        theirs.output_tokens as their_output_tokens,
        theirs.cache_read_tokens as their_cache_read_tokens,
        theirs.cache_write_5m_tokens as their_cache_write_5m_tokens,
        theirs.cache_write_1h_tokens as their_cache_write_1h_tokens,
        theirs.amount_usd,
        coalesce(theirs.most_rounding_usd, 0) as most_rounding_usd,
        prices.output_usd_per_mtok
        * case
            when coalesce(theirs.billing_pool, ours.billing_pool) = 'batch' then prices.batch_multiplier
            else 1
        end / 1e6 as output_usd,
        case
            when theirs.output_tokens is not null and theirs.uncached_input_tokens is not null
                then (
                    theirs.uncached_input_tokens * prices.input_usd_per_mtok
                    + theirs.output_tokens * prices.output_usd_per_mtok
                    + coalesce(theirs.cache_read_tokens, 0) * prices.cache_read_usd_per_mtok
                    + coalesce(theirs.cache_write_5m_tokens, 0) * prices.cache_write_5m_usd_per_mtok
                    + coalesce(theirs.cache_write_1h_tokens, 0) * prices.cache_write_1h_usd_per_mtok
                ) * case when theirs.billing_pool = 'batch' then prices.batch_multiplier else 1 end / 1e6
                + coalesce(theirs.web_search_count, 0) * prices.web_search_usd
        end as their_list_usd
    from theirs
    full outer join ours
        on ours.usage_date = theirs.usage_date and ours.model_name = theirs.model_name
        and ours.billing_pool = theirs.billing_pool
    left join {{ ref('model_prices') }} as prices
        on prices.model_name = coalesce(theirs.model_name, ours.model_name)
        and prices.speed = 'standard' and prices.prompt_tokens_above = 0
        and coalesce(theirs.usage_date, ours.usage_date) >= prices.valid_from
        and (prices.valid_to is null or coalesce(theirs.usage_date, ours.usage_date) < prices.valid_to)
),

-- Each cause takes its part of what the one before it leaves. Less than half a cent has no cause.
priced as (
    select
        *,
        case when is_theirs then coalesce(amount_usd, their_list_usd) else 0 end as their_usd,
        case
            when
                is_theirs and is_ours
                and abs(amount_usd - coalesce(their_list_usd, our_usd)) <= most_rounding_usd + 1e-9
                then amount_usd - coalesce(their_list_usd, our_usd)
            else 0
        end as rounding_usd
    from pairs
),

with_prices as (
    select
        *,
        case
            when is_theirs and is_ours then coalesce(amount_usd - their_list_usd - rounding_usd, 0)
            else 0
        end as price_usd
    from priced
),

without_prices as (
    select
        *,
        their_usd - our_usd as difference_usd,
        case
            when is_theirs and is_ours then coalesce(their_usd - our_usd - rounding_usd - price_usd, 0)
            else 0
        end as rest_usd
    from with_prices
),

without_unfinished as (
    select
        *,
        case
            when rest_usd > 0 and unfinished_count > 0
                then least(
                    rest_usd,
                    greatest(coalesce(their_output_tokens - our_output_tokens, 0), 0)
                    * coalesce(output_usd, 0)
                )
            else 0
        end as unfinished_usd
    from without_prices
),

without_hidden as (
    select
        found.*,
        coalesce(days.is_incomplete, false) as is_incomplete,
        case
            when found.rest_usd - found.unfinished_usd > 0
                then least(
                    found.rest_usd - found.unfinished_usd,
                    coalesce(days.unlogged_cost_usd, 0) * (found.rest_usd - found.unfinished_usd)
                    / sum(greatest(found.rest_usd - found.unfinished_usd, 0)) over (
                        partition by found.usage_date
                    )
                )
            else 0
        end as hidden_usd
    from without_unfinished as found
    left join days on days.usage_date = found.usage_date
)

select
    usage_date,
    model_name,
    billing_pool,
    workspaces,
    read_at,
    case
        when not is_theirs then 'nothing reported'
        when amount_usd is not null then 'cost report'
        when their_list_usd is not null then 'tokens at list prices'
        else 'not known'
    end as their_usd_basis,
    cast(response_count as bigint) as response_count,
    cast(unfinished_count as bigint) as unfinished_count,
    cast(our_uncached_input_tokens as bigint) as our_uncached_input_tokens,
    cast(our_output_tokens as bigint) as our_output_tokens,
    cast(our_cache_read_tokens as bigint) as our_cache_read_tokens,
    cast(our_cache_write_5m_tokens as bigint) as our_cache_write_5m_tokens,
    cast(our_cache_write_1h_tokens as bigint) as our_cache_write_1h_tokens,
    cast(their_uncached_input_tokens as bigint) as their_uncached_input_tokens,
    cast(their_output_tokens as bigint) as their_output_tokens,
    cast(their_cache_read_tokens as bigint) as their_cache_read_tokens,
    cast(their_cache_write_5m_tokens as bigint) as their_cache_write_5m_tokens,
    cast(their_cache_write_1h_tokens as bigint) as their_cache_write_1h_tokens,
    cast(our_usd as double) as our_usd,
    cast(our_sdk_usd as double) as our_sdk_usd,
    cast(their_usd as double) as their_usd,
    cast(difference_usd as double) as difference_usd,
    cast(case when is_theirs and not is_ours then coalesce(their_usd, 0) else 0 end as double)
        as elsewhere_usd,
    cast(rounding_usd as double) as rounding_usd,
    cast(price_usd as double) as price_usd,
    cast(unfinished_usd as double) as unfinished_output_usd,
    cast(hidden_usd as double) as hidden_request_usd,
    cast(
        case
            when is_incomplete then greatest(rest_usd - unfinished_usd - hidden_usd, 0)
            else 0
        end as double
    ) as incomplete_day_usd,
    cast(
        case
            when not is_theirs then -our_usd
            else least(rest_usd - unfinished_usd - hidden_usd, 0)
        end as double
    ) as not_billed_usd,
    cast(
        case
            when is_incomplete then 0
            else greatest(rest_usd - unfinished_usd - hidden_usd, 0)
        end as double
    ) as unexplained_usd
from without_hidden
