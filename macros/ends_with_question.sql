{# Whether a text ends with a question, ignoring any marks after it. #}
{% macro ends_with_question(column) -%}
    coalesce({{ regex_matches(column, "'[?？][^A-Za-z0-9]*$'") }}, false)
{%- endmacro %}
