{{ config(materialized='table') }}

-- depends_on: {{ ref('cause_groups') }}
-- Each dollar has one cause. A cache miss comes first, then the subagent that spent it, then the component.
with components as (
    select
        component_id,
        component_name,
        {{ rule_cases(
            'cause_groups', {'text': "regexp_matches(component_type || ':' || component_name, {pattern})"},
            'cause_group', "'Other'"
        ) }} as cause_group
    from {{ ref('dim_component') }}
    where component_type <> 'task'
),

attributed as (
    select
        spent.usage_date,
        spent.session_id,
        coalesce(models.model_name, 'none') as model_name,
        {{ shown_agent('agents') }} as agent_name,
        case when agents.agent_type = 'main' then components.cause_group else 'Subagents' end as cause_group,
        case when agents.agent_type = 'main' then components.component_name else agents.agent_name end
            as cause_name,
        spent.cost_usd - spent.miss_extra_cost_usd as cost_usd,
        spent.estimated_cost_usd
    from {{ ref('fact_component_spending_day') }} as spent
    inner join components on components.component_id = spent.component_id
    inner join {{ ref('dim_agent') }} as agents on agents.agent_id = spent.agent_id
    left join {{ ref('dim_model') }} as models on models.model_id = spent.model_id
    union all
    select
        cast({{ local_time('misses.missed_at') }} as date),
        misses.session_id,
        coalesce(models.model_name, 'none'),
        {{ shown_agent('agents') }},
        'Cache misses',
        misses.cause,
        misses.extra_cost_usd,
        0
    from {{ ref('fact_cache_miss') }} as misses
    inner join {{ ref('dim_agent') }} as agents on agents.agent_id = misses.agent_id
    left join {{ ref('dim_model') }} as models on models.model_id = misses.model_id
    union all
    -- Only sums are kept of sessions whose lines have expired.
    select
        usage_date,
        session_id,
        model_name,
        {{ shown_agent() }},
        'Expired sessions',
        'expired',
        cost_usd,
        0
    from {{ ref('stg_retention__spending') }}
)

select
    usage_date,
    session_id,
    model_name,
    agent_name,
    cause_group,
    cause_name,
    sum(cost_usd) as cost_usd,
    sum(estimated_cost_usd) as estimated_cost_usd
from attributed
group by all
having sum(cost_usd) is not null and sum(cost_usd) <> 0
