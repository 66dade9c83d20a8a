{# The whole numbers from `first` to `last` as a relation with the column day_number. #}
{% macro number_series(first, last) -%}
    (select unnest(range({{ first }}, {{ last }} + 1)) as day_number)
{%- endmacro %}
