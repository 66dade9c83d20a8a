{# The entries of a JSON object in a column, as a lateral relation with `key` and `value`. #}
{% macro json_entries(column) -%} json_each({{ column }}) {%- endmacro %}
