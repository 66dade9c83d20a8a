{#
    Many assertions about each row in one scan. `checks` maps a name to an expression that has to be
    true; a failing row of this test is a check's name with the number of rows that break it, their
    sessions and three of them.
#}
{% test row_checks(model, checks) %}
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
            {%- for expression in checks.values() %}
            ({{ expression }}) is not true {{ 'or' if not loop.last }}
            {%- endfor %}
        )
)

select
    check_name,
    count(*) as failing_rows
    {{- example_measures(columns) }}
from broken
where check_name is not null
group by check_name
{% endtest %}
