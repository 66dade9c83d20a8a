with spent as (
    select
        project_name,
        git_branch,
        min(first_called_at) as first_called_at,
        max(last_called_at) as last_called_at,
        sum(active_seconds) as active_seconds
    from {{ ref('v_spending') }}
    group by project_name, git_branch
),

models as (
    select
        project_name,
        git_branch,
        list(model_name order by cost_usd desc nulls last, model_name) as model_names
    from (
        select project_name, git_branch, model_name, sum(cost_usd) as cost_usd
        from {{ ref('v_spending') }}
        where model_name <> 'none'
        group by project_name, git_branch, model_name
    ) as models
    group by project_name, git_branch
),

branches as (
    select
        costs.project_name,
        costs.name as git_branch,
        {{ cost_sums('costs') }}
    from {{ ref('v_cost') }} as costs
    where costs.kind = 'branch'
    group by costs.project_name, costs.name
)

select
    branches.project_name,
    branches.git_branch,
    spent.first_called_at,
    spent.last_called_at,
    models.model_names,
    branches.session_count,
    branches.response_count,
    branches.uncached_input_tokens,
    branches.output_tokens,
    branches.cache_read_tokens,
    branches.cache_write_5m_tokens,
    branches.cache_write_1h_tokens,
    branches.total_tokens,
    branches.web_search_count,
    branches.unpriced_response_count,
    spent.active_seconds,
    branches.web_search_cost_usd,
    branches.cost_usd
from branches
left join spent
    on spent.project_name is not distinct from branches.project_name
    and spent.git_branch = branches.git_branch
left join models
    on models.project_name is not distinct from branches.project_name
    and models.git_branch = branches.git_branch
