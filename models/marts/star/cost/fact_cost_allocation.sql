{{ config(materialized='view') }}

-- The same dollars twice: by component and by task. For a sum, use one of the two facts that it combines.
select
    allocation_id,
    session_id,
    component_id,
    allocated_at,
    'context' as basis,
    allocation_method,
    provenance,
    cost_usd
from {{ ref('fact_component_cost') }}
union all
-- The cost of a turn's responses, subagents included, belongs to its task.
select
    {{ surrogate_key(['session_id', 'task_id', "'task'"]) }},
    session_id,
    task_id,
    max(called_at),
    'task',
    'direct',
    'observed',
    sum(coalesce(cost_usd, 0))
from {{ ref('fact_api_call') }}
where success
group by session_id, task_id
