-- Which tools, servers, skills, commands and agents are used, how well do they work, and at what price?
select usage_type, used_name, use_count, last_30_days_count, success_ratio, cost_usd, work_cost_usd
from {{ ref('v_usage') }}
order by usage_type, use_count desc
