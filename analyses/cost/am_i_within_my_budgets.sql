-- Am I within my budgets, and where will this period end?
select budget_name, period_start, spent_usd, limit_usd, projected_usd, status
from {{ ref('v_budget_burn_down') }}
where is_current
order by spent_usd / limit_usd desc
