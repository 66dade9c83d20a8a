with task_types as (
    select distinct task_type
    from {{ ref('dim_task') }}
),

tool_families as (
    select distinct tool_family
    from {{ ref('dim_tool') }}
)

select
    {{ surrogate_key(["'task_type'", 'task_type']) }} as capability_id,
    task_type as capability_name,
    'task_type' as capability_type,
    'Tasks of the type ' || task_type
    || ': the share of its ended tasks that succeeded by the rules of outcome_rules.' as description,
    'observed' as provenance
from task_types
union all
select
    {{ surrogate_key(["'tool_family'", 'tool_family']) }} as capability_id,
    'tools: ' || tool_family as capability_name,
    'tool_family' as capability_type,
    'Tools of the family ' || tool_family
    || ': the share of its finished calls that did not end in an error.' as description,
    'observed' as provenance
from tool_families
