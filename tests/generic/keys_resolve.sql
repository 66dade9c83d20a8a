{# Every foreign key of a fact finds its row: `keys` maps a column to `model.column`. One test per fact, not one per key. #}
{% test keys_resolve(model, keys) %}
{%- for column, target in keys.items() %}
{%- set parts = target.split('.') %}
select
    '{{ column }}' as key_name,
    {{ column }} as key_value,
    count(*) as failing_rows
from {{ model }}
where {{ column }} is not null and {{ column }} not in (select {{ parts[1] }} from {{ ref(parts[0]) }})
group by all
{{ 'union all' if not loop.last }}
{%- endfor %}
{% endtest %}
