{# What the user wrote when refusing a call, out of the text that the client puts around it; NULL where nothing was written. #}
{% macro rejection_text(column) -%}
    nullif(trim({{ regex_group(column, "(?s)(?:reason for the rejection:|the user said:)\\s*(.*?)(?:\\n+Note: The user|$)") }}), '')
{%- endmacro %}
