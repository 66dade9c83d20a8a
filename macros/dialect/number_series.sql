{# The whole numbers from `first` to `last` as a relation with the column day_number. #}
{% macro number_series(first, last) -%}
    {{ return(adapter.dispatch('number_series')(first, last)) }}
{%- endmacro %}
{% macro duckdb__number_series(first, last) -%}
    (select unnest(range({{ first }}, {{ last }} + 1)) as day_number)
{%- endmacro %}
{% macro spark__number_series(first, last) -%}
    (select explode(sequence({{ first }}, {{ last }})) as day_number)
{%- endmacro %}
