{# A number that changes with the rows of a group, independent of their order and of the machine. #}
{% macro rows_state(columns) -%}
cast(coalesce(sum(cast(hash({{ columns | join(', ') }}) % 4294967291 as bigint)), 0) as bigint)
{%- endmacro %}
