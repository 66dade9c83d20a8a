{# One scalar, as text, out of a column of JSON text; `path` is a JSON path such as `$.message.content`. #}
{% macro json_scalar(column, path) -%} {{ return(adapter.dispatch('json_scalar')(column, path)) }} {%- endmacro %}

{% macro duckdb__json_scalar(column, path) -%} json_extract_string({{ column }}, '{{ path }}') {%- endmacro %}

{% macro spark__json_scalar(column, path) -%} get_json_object({{ column }}, '{{ path }}') {%- endmacro %}
