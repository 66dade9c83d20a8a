-- Cost of a plugin's components in contexts. Beside it, spending under its skills and by its agents.
with runs as (
    select components.plugin_name, sum(agents.cost_usd) as agent_cost_usd
    from {{ ref('v_cost_by_agent') }} as agents
    inner join {{ ref('dim_component') }} as components
        on components.component_type = 'agent' and components.component_name = agents.agent_name
    where components.plugin_name is not null
    group by components.plugin_name
),

weights as (
    select
        costs.name as plugin_name,
        {{ cause_sums('costs') }},
        sum(costs.invocation_count) as invocation_count,
        sum(costs.work_cost_usd) as work_cost_usd
    from {{ ref('v_cost') }} as costs
    where costs.kind = 'plugin'
    group by costs.name
)

select
    weights.plugin_name,
    weights.session_count,
    weights.request_count,
    weights.entered_tokens,
    weights.carried_tokens,
    weights.output_tokens,
    weights.entry_cost_usd,
    weights.carrying_cost_usd,
    weights.output_cost_usd,
    weights.cost_usd,
    cast(weights.invocation_count as bigint) as skill_run_count,
    weights.work_cost_usd,
    runs.agent_cost_usd
from weights
left join runs on runs.plugin_name = weights.plugin_name
