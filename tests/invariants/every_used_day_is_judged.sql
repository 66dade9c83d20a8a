-- Each day and project with costs is in v_completeness once, with all of its costs; and what a witness misses
-- makes its day incomplete.
with used as (
    select
        usage_date as activity_date,
        coalesce(project_path, 'unknown') as project_path,
        sum(response_count) as response_count,
        coalesce(sum(cost_usd), 0) as cost_usd
    from {{ ref('v_spending') }}
    where usage_date is not null
    group by all
    having sum(response_count) > 0 or sum(cost_usd) > 0
),

judged as (
    select activity_date, project_path, response_count, coalesce(cost_usd, 0) as cost_usd
    from {{ ref('v_completeness') }}
    where response_count > 0 or cost_usd > 0
)

select
    coalesce(used.activity_date, judged.activity_date) as activity_date,
    coalesce(used.project_path, judged.project_path) as project_path,
    'costs' as what
from used
full outer join judged
    on judged.activity_date = used.activity_date and judged.project_path = used.project_path
where
    used.response_count is distinct from judged.response_count
    or {{ other_amount('coalesce(used.cost_usd, 0)', 'coalesce(judged.cost_usd, 0)') }}
union all
select
    witnesses.activity_date,
    witnesses.project_path,
    'missing'
from {{ ref('v_activity_witness') }} as witnesses
left join {{ ref('v_completeness') }} as days
    on days.activity_date = witnesses.activity_date and days.project_path = witnesses.project_path
where
    witnesses.witness in ('history', 'thread') and witnesses.is_missing
    and days.is_complete is distinct from false
