{{ config(materialized='table') }}

-- Each budget in each period with use. The newest period runs up to the newest call in the store, not to
-- today.
with calls as (
    select
        usage_date,
        cost_usd,
        project_name,
        project_path,
        model_name,
        max(usage_date) over () as newest_date
    from {{ ref('v_spending') }}
    -- A failed request is no use of a model.
    where usage_date is not null and inference_count > 0
),

matched as (
    select
        budgets.budget_name,
        budgets.scope,
        budgets.scope_value,
        budgets.period,
        budgets.limit_usd,
        budgets.alert_ratio,
        cast(case budgets.period
            when 'day' then calls.usage_date
            when 'week' then date_trunc('week', calls.usage_date)
            else date_trunc('month', calls.usage_date)
        end as date) as period_start,
        calls.newest_date,
        calls.usage_date,
        calls.cost_usd
    from calls
    inner join {{ ref('budgets') }} as budgets
        on budgets.scope = 'all'
        or (budgets.scope = 'project' and budgets.scope_value in (calls.project_name, calls.project_path))
        or (budgets.scope = 'model' and budgets.scope_value = calls.model_name)
),

spent as (
    select
        budget_name, scope, scope_value, period, limit_usd, alert_ratio, period_start, newest_date,
        cast(case period
            when 'day' then period_start + interval 1 day
            when 'week' then period_start + interval 7 day
            else period_start + interval 1 month
        end as date) as period_end,
        count(distinct usage_date) as day_count,
        coalesce(sum(cost_usd), 0) as spent_usd
    from matched
    group by all
),

paced as (
    select
        *,
        cast({{ ms_between(
            'cast(period_start as timestamp)',
            'cast(least(newest_date + interval 1 day, period_end) as timestamp)'
        ) }} as double)
        / {{ ms_between('cast(period_start as timestamp)', 'cast(period_end as timestamp)') }}
            as elapsed_ratio
    from spent
)

select
    budget_name,
    period_start,
    period_end,
    scope,
    scope_value,
    period,
    period_end > newest_date as is_current,
    cast(day_count as bigint) as day_count,
    limit_usd,
    spent_usd,
    limit_usd - spent_usd as remaining_usd,
    spent_usd / limit_usd as spent_ratio,
    elapsed_ratio,
    alert_ratio,
    spent_usd / elapsed_ratio as projected_usd,
    case
        when spent_usd > limit_usd then 'over'
        when spent_usd >= alert_ratio * limit_usd then 'alert'
        when spent_usd / elapsed_ratio > limit_usd then 'will_be_over'
        else 'ok'
    end as status
from paced
