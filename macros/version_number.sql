{# A version of three numbers as one, so that versions compare; NULL where a text has none. #}
{% macro version_number(column) -%}
    (try_cast(nullif({{ regex_group(column, '^([0-9]+)[.]') }}, '') as bigint) * 1000000
    + try_cast(nullif({{ regex_group(column, '^[0-9]+[.]([0-9]+)[.]') }}, '') as bigint) * 1000
    + try_cast(nullif({{ regex_group(column, '^[0-9]+[.][0-9]+[.]([0-9]+)') }}, '') as bigint))
{%- endmacro %}
