{# How often a short text stands in a longer one. #}
{% macro occurrence_count(column, text) -%}
    coalesce(
        cast(
            (length({{ column }}) - length(replace({{ column }}, '{{ text }}', ''))) / {{ text | length }}
        as bigint
        ),
        0
    )
{%- endmacro %}
