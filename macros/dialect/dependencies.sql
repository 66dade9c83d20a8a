{# A text without surrounding white space, including line breaks. #}
{% macro trim_space(column) -%}
    trim({{ column }}, concat(' ', chr(9), chr(10), chr(13)))
{%- endmacro %}

{# Whether every name in a list written as `a|b` is in another such list. #}
{% macro names_within(inner, outer) -%}
    list_has_all(string_split({{ outer }}, '|'), string_split({{ inner }}, '|'))
{%- endmacro %}
