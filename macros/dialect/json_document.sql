{# JSON text that is a whole file; NULL while it is not valid JSON: the client may be writing it. #}
{% macro json_document(column) -%} {{ return(adapter.dispatch('json_document')(column)) }} {%- endmacro %}
{% macro duckdb__json_document(column) -%}
    case when json_valid({{ column }}) then {{ column }} end
{%- endmacro %}
{% macro spark__json_document(column) -%}
    case when get_json_object({{ column }}, '$') is not null then {{ column }} end
{%- endmacro %}
