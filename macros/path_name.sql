{# The last `count` components of a path, whatever its separator (/ or \). #}
{% macro path_name(column, count=1) -%}
    {{ regex_group(column, "([^/\\\\]+(?:[/\\\\][^/\\\\]+){" ~ (count - 1) ~ "})[/\\\\]*$") }}
{%- endmacro %}
