{#
    The end of something that has a beginning; NULL where the log has it before that: the
    clock was set back in between.
#}
{% macro ordered_end(start, stop) -%}
    case when {{ stop }} < {{ start }} then null else {{ stop }} end
{%- endmacro %}
