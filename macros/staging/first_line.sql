{#
    The first line of a range as reported by the client: if line 0 is requested, it returns line 1 and reports
    0.
#}
{% macro first_line(column) -%}
    greatest({{ column }}, case when {{ column }} is not null then 1 end)
{%- endmacro %}
