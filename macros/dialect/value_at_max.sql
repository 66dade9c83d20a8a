{# The value, or NULL, of a column in a group's last row by an ordering; DuckDB's max_by skips NULL values. #}
{% macro value_at_max(value, ordering) -%} arg_max_null({{ value }}, {{ ordering }}) {%- endmacro %}
