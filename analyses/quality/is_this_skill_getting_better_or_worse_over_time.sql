-- Is this skill getting better or worse over time?
-- The inner query selects the most frequent component: replace it with one of your choice.
select
    date_trunc('week', validated_at) as week,
    avg(cast(is_valid as integer)) as pass_rate,
    avg(error_count) as avg_errors,
    count(*) as validations
from {{ ref('fact_validation') }}
where
    component_id = (
        select component_id from {{ ref('dim_component') }}
        where
            component_name = (
                select component_name
                from {{ ref('fact_validation') }} as facts
                inner join {{ ref('dim_component') }} as names on names.component_id = facts.component_id
                group by component_name
                order by count(*) desc, component_name
                limit 1
            )
    )
group by week
order by week
