{{ config(materialized='view') }}

-- The body of a skill and the files in its folder, as far as they were read: what it weighs. Beside it what was done under it.
with parts as (
    select
        components.component_name as skill_name,
        allocations.session_id,
        allocations.request_count,
        allocations.entered_tokens,
        allocations.input_tokens,
        allocations.output_tokens,
        allocations.entry_cost_usd,
        allocations.carrying_cost_usd,
        allocations.output_cost_usd,
        allocations.miss_extra_cost_usd,
        allocations.cost_usd,
        0.0 as file_cost_usd
    from {{ ref('fact_cost_allocation') }} as allocations
    inner join {{ ref('dim_component') }} as components on components.component_id = allocations.component_id
    where allocations.basis = 'context' and components.component_type in ('skill', 'command')
    union all
    select
        {{ skill_of_file('file_path') }},
        session_id,
        requests_carried + 1,
        tokens,
        tokens + carried_tokens,
        0,
        entry_cost_usd,
        carrying_cost_usd,
        0.0,
        miss_extra_cost_usd,
        cost_usd,
        cost_usd
    from {{ ref('fact_context_segment') }}
    where file_id is not null and {{ is_skill_file('item_kind', 'component_name', 'file_path') }}
),

invocations as (
    select
        skill_name,
        count(*) as invocation_count,
        sum(response_count) as work_response_count,
        sum(cost_usd) as work_cost_usd
    from {{ ref('fact_skill_invocation') }}
    group by skill_name
),

weights as (
    select
        parts.skill_name,
        {{ allocation_measures('parts') }},
        sum(parts.file_cost_usd) as file_cost_usd
    from parts
    group by parts.skill_name
)

select
    coalesce(weights.skill_name, invocations.skill_name) as skill_name,
    coalesce(weights.session_count, 0) as session_count,
    coalesce(weights.request_count, 0) as request_count,
    coalesce(weights.entered_tokens, 0) as entered_tokens,
    coalesce(weights.carried_tokens, 0) as carried_tokens,
    coalesce(weights.output_tokens, 0) as output_tokens,
    weights.entry_cost_usd,
    weights.carrying_cost_usd,
    weights.output_cost_usd,
    weights.miss_extra_cost_usd,
    weights.cost_usd,
    weights.file_cost_usd,
    cast(coalesce(invocations.invocation_count, 0) as bigint) as invocation_count,
    cast(coalesce(invocations.work_response_count, 0) as bigint) as work_response_count,
    invocations.work_cost_usd
from weights
full join invocations on invocations.skill_name = weights.skill_name
