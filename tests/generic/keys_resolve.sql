{#
    Every foreign key of a fact finds its row: `keys` maps a column to `model.column`. One test
    per fact, not one per key.
#}
{% test keys_resolve(model, keys) %}
{%- set columns = example_columns(model) %}
{%- for column, target in keys.items() %}
{%- set parts = target.split('.') %}
select
    '{{ column }}' as check_name,
    {{ column }} as key_value,
    count(*) as failing_rows
    {{- example_measures(columns) }}
from {{ model }}
where
    {{ touched_part(model) }}
    and {{ column }} is not null and {{ column }} not in (select {{ parts[1] }} from {{ ref(parts[0]) }})
group by {{ column }}
{{ 'union all' if not loop.last }}
{%- endfor %}
{% endtest %}
