-- Which skills are over-budget?
select
    c.component_name,
    max(m.estimated_tokens) as tokens,
    max(m.estimated_tokens) > 4000 as over_budget
from {{ ref('fact_component_measurement') }} as m
inner join {{ ref('dim_component') }} as c on c.component_id = m.component_id
where c.component_type = 'skill'
    and m.measured_at = (
        select max(measured_at) from {{ ref('fact_component_measurement') }}
        where component_id = m.component_id
    )
group by c.component_name
order by tokens desc
