{# JSON text that is a whole file; NULL while it is not valid JSON: the client may be writing it. #}
{% macro json_document(column) -%}
    case when json_valid({{ column }}) then {{ column }} end
{%- endmacro %}
