{# A text of at most so many characters; where it was longer its end says so. #}
{% macro cut_text(column, most) -%}
    case when length({{ column }}) > {{ most }} then left({{ column }}, {{ most - 1 }}) || '…' else {{ column }} end
{%- endmacro %}
