{#
    Many assertions about each row in one scan. `checks` maps a name to an expression that has to be true; a failing row
    of this test is a check's name with the number of rows that break it.
#}
{% test row_checks(model, checks) %}
select
    check_name,
    count(*) as failing_rows
from (
    select unnest([
        {%- for name, expression in checks.items() %}
        case when ({{ expression }}) is not true then '{{ name }}' end{{ ',' if not loop.last }}
        {%- endfor %}
    ]) as check_name
    from {{ model }}
) as checked
where check_name is not null
group by check_name
{% endtest %}
