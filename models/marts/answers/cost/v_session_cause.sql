select
    costs.session_id,
    costs.component_id,
    components.component_type,
    components.component_name,
    costs.allocation_method,
    costs.request_count,
    costs.entered_tokens,
    costs.carried_tokens,
    costs.output_tokens,
    costs.entry_cost_usd,
    costs.carrying_cost_usd,
    costs.output_cost_usd,
    costs.cost_usd,
    costs.cost_usd / nullif(sum(costs.cost_usd) over (partition by costs.session_id), 0) as cost_ratio,
    row_number() over by_cost as cost_rank,
    sum(costs.entry_cost_usd) over those_below as rest_entry_cost_usd,
    sum(costs.carrying_cost_usd) over those_below as rest_carrying_cost_usd,
    sum(costs.output_cost_usd) over those_below as rest_output_cost_usd,
    sum(costs.cost_usd) over those_below as rest_cost_usd,
    sum(costs.cost_usd) over those_below
    / nullif(sum(costs.cost_usd) over (partition by costs.session_id), 0) as rest_cost_ratio
from {{ ref('fact_component_cost') }} as costs
inner join {{ ref('dim_component') }} as components on components.component_id = costs.component_id
-- Costs that differ only in the last digits of a sum are ordered by name.
window
    by_cost as (
        partition by costs.session_id
        order by round(costs.cost_usd, 12) desc, components.component_type, components.component_name
    ),
    those_below as (
        partition by costs.session_id
        order by round(costs.cost_usd, 12) desc, components.component_type, components.component_name
        rows between 1 following and unbounded following
    )
