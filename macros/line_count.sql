{#
    The number of lines of a text, including the last one whether or not it ends with a newline; 0 for an
    empty text.
#}
{% macro line_count(column) -%}
    (
        length({{ column }}) - length(replace({{ column }}, chr(10), ''))
        + case when {{ column }} = '' or right({{ column }}, 1) = chr(10) then 0 else 1 end
    )
{%- endmacro %}
