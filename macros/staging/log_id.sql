{# An id of a log; NULL where it is blank, or a list or an object in the place of one. #}
{% macro log_id(column) -%}
    case when {{ regex_matches(column, "'^\\s*[^\\s{\\[]'") }} then {{ column }} end
{%- endmacro %}
