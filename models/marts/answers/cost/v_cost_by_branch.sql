with times as (
    select
        sessions.project_name,
        calls.git_branch,
        min(calls.called_at) as first_called_at,
        max(calls.called_at) as last_called_at,
        sum(calls.active_seconds) as active_seconds
    from (
        select
            session_id,
            called_at,
            coalesce(nullif(api_calls.git_branch, 'HEAD'), 'none') as git_branch,
            {{ active_seconds('api_calls') }} as active_seconds
        from {{ ref('fact_api_call') }} as api_calls
        where called_at is not null
    ) as calls
    inner join {{ ref('dim_session') }} as sessions on sessions.session_id = calls.session_id
    group by sessions.project_name, calls.git_branch
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
    ) as spent
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
    times.first_called_at,
    times.last_called_at,
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
    cast(times.active_seconds as double) as active_seconds,
    branches.web_search_cost_usd,
    branches.cost_usd
from branches
left join times
    on times.project_name is not distinct from branches.project_name
    and times.git_branch = branches.git_branch
left join models
    on models.project_name is not distinct from branches.project_name
    and models.git_branch = branches.git_branch
