{# A range's first line as the client reports it: asked for line 0, it gives line 1 and says 0. #}
{% macro first_line(column) -%}
    greatest({{ column }}, case when {{ column }} is not null then 1 end)
{%- endmacro %}
