{# The entries of a JSON object in a column, as a lateral relation with `key` and `value`. #}
{% macro json_entries(column) -%} {{ return(adapter.dispatch('json_entries')(column)) }} {%- endmacro %}
{% macro duckdb__json_entries(column) -%} json_each({{ column }}) {%- endmacro %}
{% macro spark__json_entries(column) -%}
    lateral explode(from_json({{ column }}, 'map<string,string>'))
{%- endmacro %}
