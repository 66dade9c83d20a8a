-- Which components are most expensive relative to value?
select c.component_name,
       sum(ca.cost_usd) as total_cost,
       count(distinct ca.session_id) as uses,
       avg(t.success::integer) as success_rate,
       sum(ca.cost_usd) / nullif(avg(t.success::integer), 0) as cost_per_success
from {{ ref('fact_cost_allocation') }} ca
join {{ ref('dim_component') }} c on c.component_id = ca.component_id
left join {{ ref('fact_task_outcome') }} t on t.task_id = ca.component_id
group by c.component_name
having count(distinct ca.session_id) > 5
order by cost_per_success desc
