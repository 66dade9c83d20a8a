-- Did quality regress after the last update?
with recent_validations as (
    select
        component_id, validated_at, is_valid,
        lag(is_valid) over (partition by component_id order by validated_at) as prev_valid
    from {{ ref('fact_validation') }}
)

select
    c.component_name,
    rv.validated_at,
    rv.prev_valid as was_valid,
    rv.is_valid as now_valid
from recent_validations as rv
inner join {{ ref('dim_component') }} as c on c.component_id = rv.component_id
where rv.prev_valid = true and rv.is_valid = false
