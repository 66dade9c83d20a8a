{# The end of an interval; NULL if the log puts it before the start: the clock was set back in between. #}
{% macro ordered_end(start, stop) -%}
    case when {{ stop }} < {{ start }} then null else {{ stop }} end
{%- endmacro %}
