{# The number of occurrences of a short text in a longer one. #}
{% macro occurrence_count(column, text) -%}
    coalesce(
        cast(
            (length({{ column }}) - length(replace({{ column }}, '{{ text }}', ''))) / {{ text | length }}
        as bigint
        ),
        0
    )
{%- endmacro %}
