{# Whether a type of task says what work it was; the others say how it was put. #}
{% macro is_kind_of_work(column) -%}
    {{ column }} not in ('command', 'unknown', 'continue', 'correction', 'thanks')
{%- endmacro %}
