{# A text limited to a number of characters; if it was cut, its end says so. #}
{% macro cut_text(column, most) -%}
    case when length({{ column }}) > {{ most }} then left({{ column }}, {{ most - 1 }}) || '…' else {{ column }} end
{%- endmacro %}
