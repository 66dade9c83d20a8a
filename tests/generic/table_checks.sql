{#
    The promises of a table, in one test; each promise is a check with its own name.
    `grain`: the columns that name one row (check `unique`).
    `unique`: further columns, each of which names one row by itself (check `<column>_is_unique`).
    `keys`: foreign keys, each with the `model.column` that it references (check: the key's name).
    `checks`: names, each with an expression that must be true in every row.
    A failing row is a group of rows that break one check: their count, their sessions, and three examples.
#}
{% test table_checks(model, grain=none, unique=[], keys={}, checks={}) %}
{%- set parts = [] -%}
{%- if grain %}{% do parts.append(grain_check(model, grain)) %}{% endif -%}
{%- for column in unique -%}
    {% do parts.append(grain_check(model, [column], column ~ '_is_unique')) %}
{%- endfor -%}
{%- for column, target in keys.items() -%}
    {% do parts.append(key_check(model, column, target)) %}
{%- endfor -%}
{%- if checks %}{% do parts.append(row_check(model, checks)) %}{% endif -%}
{%- for part in parts %}
({{ part }})
{{ 'union all by name' if not loop.last }}
{%- endfor %}
{% endtest %}

{# Every foreign key finds its row. #}
{% macro key_check(model, column, target) %}
{%- set parts = target.split('.') %}
select
    '{{ column }}' as check_name,
    {{ column }} as key_value,
    count(*) as failing_rows
    {{- example_measures(example_columns(model)) }}
from {{ model }}
where
    {{ touched_part(model) }}
    and {{ column }} is not null and {{ column }} not in (select {{ parts[1] }} from {{ ref(parts[0]) }})
group by {{ column }}
{% endmacro %}

{# Many assertions about each row in one scan. #}
{% macro row_check(model, checks) %}
{%- set columns = example_columns(model) %}
with broken as (
    select
        unnest([
            {%- for name, expression in checks.items() %}
            case when ({{ expression }}) is not true then '{{ name }}' end{{ ',' if not loop.last }}
            {%- endfor %}
        ]) as check_name
        {%- for column in columns %},
        {{ column }}
        {%- endfor %}
    from {{ model }}
    where
        {{ touched_part(model) }}
        and (
            {%- for expression in checks.values() -%}
            ({{ expression }}) is not true{{ ' or ' if not loop.last }}
            {%- endfor -%}
        )
)

select
    check_name,
    count(*) as failing_rows
    {{- example_measures(columns) }}
from broken
where check_name is not null
group by check_name
{% endmacro %}
