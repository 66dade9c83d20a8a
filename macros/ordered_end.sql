{# The end of what has a beginning; NULL where the log has it earlier: the clock was set back in between. #}
{% macro ordered_end(start, stop) -%}
    case when {{ stop }} < {{ start }} then null else {{ stop }} end
{%- endmacro %}
