-- Causes add up to what a day, session, model and agent spent; files to what cost by file says.
with spent as (
    select
        'cause' as kind,
        usage_date,
        session_id,
        model_name,
        case when agent_type = 'main' then 'main agent' else agent_name end as name,
        sum(cost_usd) as cost_usd
    from {{ ref('v_spending') }}
    group by all
    union all
    select 'file', usage_date, session_id, 'any', name, sum(cost_usd)
    from {{ ref('v_cost') }}
    where
        kind = 'file'
        and session_id in (select facts.session_id from {{ ref('fact_context_segment') }} as facts)
    group by all
),

caused as (
    select 'cause' as kind, usage_date, session_id, model_name, agent_name as name, sum(cost_usd) as cost_usd
    from {{ ref('v_cost_cause') }}
    group by all
    union all
    select 'file', usage_date, session_id, 'any', file_path, sum(cost_usd)
    from {{ ref('v_file_cost_day') }}
    group by all
)

select
    coalesce(spent.kind, caused.kind) as kind,
    coalesce(spent.usage_date, caused.usage_date) as usage_date,
    coalesce(spent.session_id, caused.session_id) as session_id,
    coalesce(spent.model_name, caused.model_name) as model_name,
    coalesce(spent.name, caused.name) as name,
    spent.cost_usd as spent_usd,
    caused.cost_usd as caused_usd
from spent
full outer join caused
    on caused.kind = spent.kind
    and caused.usage_date is not distinct from spent.usage_date
    and caused.session_id = spent.session_id
    and caused.model_name = spent.model_name
    and caused.name = spent.name
where
    {{ only_whole() }}
    and {{ other_amount('coalesce(spent.cost_usd, 0)', 'coalesce(caused.cost_usd, 0)') }}
