{#
    The columns (or expressions) that identify one row: none of them is NULL, and no two rows are equal. A
    failing row of this test is a group of equal rows.
#}
{% test unique_grain(model, columns) %}
{{ grain_check(model, columns) }}
{% endtest %}

{% macro grain_check(model, columns, check='unique') %}
{%- set examples = example_columns(model) %}
{%- set node = graph.nodes.get('model.' ~ project_name ~ '.' ~ model.identifier) if graph else none %}
-- A view is computed once for both reads; reading a table's columns twice is faster than materializing them.
with tested as {{ 'materialized ' if node and node.config.materialized == 'view' }}(
    select
        {%- for column in columns %}
        {{ column }} as grain_{{ loop.index }}{{ ',' if not loop.last }}
        {%- endfor %}
        {%- for column in examples %},
        {{ column }}
        {%- endfor %}
    from {{ model }}
    where {{ touched_part(model, columns) }}
),

doubled as (
    select
        {%- for column in columns %}
        grain_{{ loop.index }}{{ ',' if not loop.last }}
        {%- endfor %}
    from tested
    group by all
    having count(*) > 1{% for column in columns %} or grain_{{ loop.index }} is null{% endfor %}
)

select
    {%- for column in columns %}
    doubled.grain_{{ loop.index }},
    {%- endfor %}
    '{{ check }}' as check_name,
    count(*) as failing_rows
    {{- example_measures(examples) }}
from tested
inner join doubled
    on
        {%- for column in columns %}
        tested.grain_{{ loop.index }} is not distinct from doubled.grain_{{ loop.index }}
        {{ 'and' if not loop.last }}
        {%- endfor %}
group by all
{% endmacro %}
