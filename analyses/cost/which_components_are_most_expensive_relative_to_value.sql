-- Which components are most expensive relative to value?
select
    c.component_name,
    sum(ca.cost_usd) as total_cost,
    count(distinct ca.session_id) as uses,
    avg(cast(t.success as integer)) as success_rate,
    sum(ca.cost_usd) / nullif(avg(cast(t.success as integer)), 0) as cost_per_success
from {{ ref('fact_cost_allocation') }} as ca
inner join {{ ref('dim_component') }} as c on c.component_id = ca.component_id
left join {{ ref('fact_task_outcome') }} as t on t.task_id = ca.component_id
group by c.component_name
having count(distinct ca.session_id) > 5
order by cost_per_success desc
