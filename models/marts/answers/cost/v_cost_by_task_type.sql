{{ config(materialized='view') }}

select
    tasks.task_type,
    cast(count(distinct tasks.task_id) as bigint) as task_count,
    cast(count(distinct allocations.session_id) as bigint) as session_count,
    cast(sum(allocations.request_count) as bigint) as request_count,
    cast(sum(allocations.input_tokens) as bigint) as carried_tokens,
    cast(sum(allocations.output_tokens) as bigint) as output_tokens,
    sum(allocations.output_cost_usd) as output_cost_usd,
    sum(allocations.cost_usd) as cost_usd,
    sum(allocations.cost_usd) / count(distinct tasks.task_id) as cost_per_task_usd
from {{ ref('fact_cost_allocation') }} as allocations
inner join {{ ref('dim_task') }} as tasks on tasks.task_id = allocations.component_id
where allocations.basis = 'task'
group by tasks.task_type
