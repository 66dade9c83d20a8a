{# A version of three numbers as one comparable number; NULL for no version or impossible numbers. #}
{% macro version_number(column) -%}
    (try_cast(nullif({{ regex_group(column, '^([0-9]{1,4})[.]') }}, '') as bigint) * 1000000000
    + try_cast(nullif({{ regex_group(column, '^[0-9]+[.]([0-9]{1,4})[.]') }}, '') as bigint) * 100000
    + try_cast(nullif(
        {{ regex_group(column, '^[0-9]+[.][0-9]+[.]([0-9]{1,4})(?:[^0-9]|$)') }}, ''
    ) as bigint))
{%- endmacro %}
