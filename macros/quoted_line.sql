{# A text that anyone may have written, as a quotation: on one line, cut, without a quote that ends it. #}
{% macro quoted_line(column, most) -%}
    '"' || left({{ one_line("replace(left(" ~ column ~ ", " ~ 3 * most ~ "), '\"', '''')") }}, {{ most }}) || '"'
{%- endmacro %}
