{#
    The first line of a range as the client reports it. Asked for line 0 it gives the first line and
    says that it began with 0.
#}
{% macro first_line(column) -%}
    greatest({{ column }}, case when {{ column }} is not null then 1 end)
{%- endmacro %}
