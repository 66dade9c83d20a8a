{# Text from any author as a quotation: on one line, cut, without a quote that would end it. #}
{% macro quoted_line(column, most) -%}
    '"' || left({{ one_line("replace(left(" ~ column ~ ", " ~ 3 * most ~ "), '\"', '''')") }}, {{ most }}) || '"'
{%- endmacro %}
