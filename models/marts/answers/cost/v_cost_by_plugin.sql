{{ config(materialized='view') }}

-- What a plugin's components weigh in contexts; beside it what was done under its skills, and what its agents spent themselves.
with works as (
    select components.plugin_name, sum(invocations.cost_usd) as work_cost_usd
    from {{ ref('fact_skill_invocation') }} as invocations
    inner join {{ ref('dim_component') }} as components on components.component_id = invocations.component_id
    where components.plugin_name is not null
    group by components.plugin_name
),

runs as (
    select components.plugin_name, sum(calls.cost_usd) as agent_cost_usd
    from {{ ref('fact_api_call') }} as calls
    inner join {{ ref('dim_agent') }} as agents on agents.agent_id = calls.agent_id
    inner join {{ ref('dim_component') }} as components
        on components.component_type = 'agent' and components.component_name = agents.agent_name
    where components.plugin_name is not null
    group by components.plugin_name
),

weights as (
    select
        components.plugin_name,
        {{ allocation_measures('allocations') }}
    from {{ ref('fact_cost_allocation') }} as allocations
    inner join {{ ref('dim_component') }} as components on components.component_id = allocations.component_id
    where allocations.basis = 'context' and components.plugin_name is not null
    group by components.plugin_name
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
    weights.miss_extra_cost_usd,
    weights.cost_usd,
    works.work_cost_usd,
    runs.agent_cost_usd
from weights
left join works on works.plugin_name = weights.plugin_name
left join runs on runs.plugin_name = weights.plugin_name
