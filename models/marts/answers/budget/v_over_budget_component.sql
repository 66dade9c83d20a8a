{{ config(materialized='table') }}

-- Size of a component: that of its newest body if one was seen, else the median of its entries.
with entries as (
    select
        component_id,
        count(*) as entry_count,
        count(distinct session_id) as session_count,
        median(tokens) as median_tokens,
        max(tokens) as most_tokens,
        sum(cost_usd) as cost_usd
    from {{ ref('fact_context_segment') }}
    where item_kind <> 'tool_call'
    group by component_id
),

bodies as (
    select
        component_id,
        max_by(estimated_tokens, (last_seen_at, measurement_id)) as body_tokens
    from {{ ref('fact_component_measurement') }}
    group by component_id
),

sized as (
    select
        components.component_id,
        components.component_type,
        components.component_name,
        budgets.limit_tokens,
        coalesce(bodies.body_tokens, entries.median_tokens) as component_tokens,
        case when bodies.component_id is not null then 'newest_body' else 'median_entry' end as size_basis,
        entries.entry_count,
        entries.session_count,
        entries.most_tokens,
        entries.cost_usd,
        budgets.reason
    from {{ ref('dim_component') }} as components
    inner join {{ ref('component_budgets') }} as budgets on budgets.component_type = components.component_type
    left join entries on entries.component_id = components.component_id
    left join bodies on bodies.component_id = components.component_id
)

select
    component_id,
    component_type,
    component_name,
    size_basis,
    cast(round(component_tokens) as bigint) as component_tokens,
    limit_tokens,
    component_tokens / limit_tokens as limit_ratio,
    cast(coalesce(entry_count, 0) as bigint) as entry_count,
    cast(coalesce(session_count, 0) as bigint) as session_count,
    cast(most_tokens as bigint) as most_tokens,
    cost_usd,
    -- The share of the cost that is due to the part above the limit.
    cost_usd * (1 - limit_tokens / component_tokens) as excess_cost_usd,
    reason
from sized
where component_tokens > limit_tokens
