{# A text without surrounding white space, including line breaks. #}
{% macro trim_space(column) -%} {{ return(adapter.dispatch('trim_space')(column)) }} {%- endmacro %}
{% macro duckdb__trim_space(column) -%}
    trim({{ column }}, concat(' ', chr(9), chr(10), chr(13)))
{%- endmacro %}
{% macro spark__trim_space(column) -%} trim(both ' \t\n\r' from {{ column }}) {%- endmacro %}

{# Whether every name in a list written as `a|b` is in another such list. #}
{% macro names_within(inner, outer) -%}
    {{ return(adapter.dispatch('names_within')(inner, outer)) }}
{%- endmacro %}
{% macro duckdb__names_within(inner, outer) -%}
    list_has_all(string_split({{ outer }}, '|'), string_split({{ inner }}, '|'))
{%- endmacro %}
{% macro spark__names_within(inner, outer) -%}
    (size(array_except(split({{ inner }}, '[|]'), split({{ outer }}, '[|]'))) = 0)
{%- endmacro %}
