{# A text on one line: every run of white space is one space. #}
{% macro one_line(column) -%} trim({{ regex_replace(column, '\\s+', ' ') }}) {%- endmacro %}
