{# A number that changes with the rows of a group, independent of their order and of the machine. #}
{% macro rows_state(columns) -%} {{ return(adapter.dispatch('rows_state')(columns)) }} {%- endmacro %}
{% macro duckdb__rows_state(columns) -%}
cast(coalesce(sum(cast(hash({{ columns | join(', ') }}) % 4294967291 as bigint)), 0) as bigint)
{%- endmacro %}
{% macro spark__rows_state(columns) -%}
cast(coalesce(sum(pmod(xxhash64({{ columns | join(', ') }}), 4294967291)), 0) as bigint)
{%- endmacro %}
