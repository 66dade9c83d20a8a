{{ config(materialized='incremental', incremental_strategy='replace_touched') }}

with touched as {{ touched_sessions() }},

usage as (
    select
        session_id,
        component_id,
        max(measured_at) as allocated_at,
        count(*) as request_count,
        sum(input_tokens) as carried_tokens,
        sum(output_tokens) as output_tokens,
        sum(input_cost_usd) as input_cost_usd,
        sum(output_cost_usd) as output_cost_usd,
        sum(fee_usd) as fee_usd,
        sum(cost_usd) as cost_usd
    from {{ ref('fact_token_usage') }} as fact_token_usage
    semi join touched on touched.session_id = fact_token_usage.session_id
    group by all
),

segments as (
    select
        session_id,
        component_id,
        sum(entry_cost_usd) as entry_cost_usd,
        sum(carrying_cost_usd) as carrying_cost_usd,
        sum(rebilled_cost_usd) as rebilled_cost_usd,
        sum(miss_extra_cost_usd) as miss_extra_cost_usd,
        sum(requests_carried) as requests_carried,
        sum(tokens) as entered_tokens,
        sum(cost_usd) filter (where allocation_method = 'direct') as direct_cost_usd,
        sum(cost_usd) filter (where allocation_method = 'proportional') as proportional_cost_usd,
        sum(cost_usd) filter (where allocation_method = 'estimated') as estimated_cost_usd
    from {{ ref('fact_context_segment') }} as fact_context_segment
    semi join touched on touched.session_id = fact_context_segment.session_id
    group by all
),

costs as (
    select
        usage.session_id,
        usage.component_id,
        usage.allocated_at,
        -- Output is split over the blocks of its own response by length.
        case
            when coalesce(segments.estimated_cost_usd, 0) > coalesce(segments.direct_cost_usd, 0)
                and coalesce(segments.estimated_cost_usd, 0) > coalesce(
                    segments.proportional_cost_usd, 0
                ) + usage.output_cost_usd
                then 'estimated'
            when
                coalesce(segments.direct_cost_usd, 0) > coalesce(segments.proportional_cost_usd, 0)
                + usage.output_cost_usd
                then 'direct'
            else 'proportional'
        end as allocation_method,
        usage.request_count,
        coalesce(segments.requests_carried, 0) as requests_carried,
        coalesce(segments.entered_tokens, 0) as entered_tokens,
        usage.carried_tokens,
        usage.output_tokens,
        -- Everything that was billed and not carried counts as entry. This includes input that was never a
        -- segment: that of a request outside of any thread, and that of an adviser.
        greatest(usage.input_cost_usd - coalesce(segments.carrying_cost_usd, 0), 0) as entry_cost_usd,
        coalesce(segments.carrying_cost_usd, 0) as carrying_cost_usd,
        coalesce(segments.rebilled_cost_usd, 0) as rebilled_cost_usd,
        coalesce(segments.miss_extra_cost_usd, 0) as miss_extra_cost_usd,
        usage.output_cost_usd,
        usage.fee_usd,
        usage.cost_usd
    from usage
    left join segments
        on segments.session_id = usage.session_id and segments.component_id = usage.component_id
)

select
    {{ surrogate_key(['costs.session_id', 'costs.component_id', "'context'"]) }} as allocation_id,
    costs.session_id,
    costs.component_id,
    costs.allocated_at,
    costs.allocation_method,
    case when costs.allocation_method = 'estimated' then 'estimated' else 'observed' end as provenance,
    cast(costs.request_count as bigint) as request_count,
    cast(costs.requests_carried as bigint) as requests_carried,
    cast(costs.entered_tokens as bigint) as entered_tokens,
    cast(costs.carried_tokens as bigint) as carried_tokens,
    cast(costs.output_tokens as bigint) as output_tokens,
    cast(costs.entry_cost_usd as double) as entry_cost_usd,
    cast(costs.carrying_cost_usd as double) as carrying_cost_usd,
    cast(costs.rebilled_cost_usd as double) as rebilled_cost_usd,
    cast(costs.miss_extra_cost_usd as double) as miss_extra_cost_usd,
    cast(costs.output_cost_usd as double) as output_cost_usd,
    cast(costs.fee_usd as double) as fee_usd,
    cast(costs.cost_usd as double) as cost_usd,
    touched._batch_id
from costs
inner join touched on touched.session_id = costs.session_id
