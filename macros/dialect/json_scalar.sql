{# One scalar, as text, out of a column of JSON text; `path` is a JSON path such as `$.message.content`. #}
{% macro json_scalar(column, path) -%}
    {{ return(adapter.dispatch('json_scalar')(column, path)) }}
{%- endmacro %}

{% macro duckdb__json_scalar(column, path) -%} json_extract_string({{ column }}, '{{ path }}') {%- endmacro %}

{% macro spark__json_scalar(column, path) -%} get_json_object({{ column }}, '{{ path }}') {%- endmacro %}

{# A JSON text, or a JSON list of texts joined by commas, as one text. #}
{% macro json_joined(column) -%} {{ return(adapter.dispatch('json_joined')(column)) }} {%- endmacro %}

{% macro duckdb__json_joined(column) -%}
    case
        when json_type({{ column }}) = 'ARRAY'
            then array_to_string(json_extract_string({{ column }}, '$[*]'), ', ')
        else json_extract_string({{ column }}, '$')
    end
{%- endmacro %}

{% macro spark__json_joined(column) -%}
    coalesce(array_join(from_json({{ column }}, 'array<string>'), ', '), get_json_object({{ column }}, '$'))
{%- endmacro %}
