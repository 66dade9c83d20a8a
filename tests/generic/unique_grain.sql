{#
    The columns (or expressions) that name one row: none of them NULL, no two rows alike. A failing row of this test is a
    group of rows that are alike.
#}
{% test unique_grain(model, columns) %}
with doubled as (
    select
        {%- for column in columns %}
        {{ column }} as grain_{{ loop.index }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }}
    group by all
    having count(*) > 1{% for column in columns %} or {{ column }} is null{% endfor %}
)

select
    {%- for column in columns %}
    doubled.grain_{{ loop.index }},
    {%- endfor %}
    'unique' as check_name,
    count(*) as failing_rows
    {{- example_measures(example_columns(model)) }}
from {{ model }}
inner join doubled on {% for column in columns %}{{ column }} is not distinct from doubled.grain_{{ loop.index }}{{ ' and ' if not loop.last }}{% endfor %}
group by all
{% endtest %}
