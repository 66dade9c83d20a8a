{# A text on one line: every sequence of white space becomes one space. #}
{% macro one_line(column) -%} trim({{ regex_replace(column, '\\s+', ' ') }}) {%- endmacro %}
