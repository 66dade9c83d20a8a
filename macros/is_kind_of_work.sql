{# Whether a task type describes the work; the other types describe the form of the request. #}
{% macro is_kind_of_work(column) -%}
    {{ column }} not in ('command', 'unknown', 'continue', 'correction', 'thanks')
{%- endmacro %}
