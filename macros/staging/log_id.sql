{# An id from a log; NULL where it is blank, or replaced by a list or an object. #}
{% macro log_id(column) -%}
    case when {{ regex_matches(column, "'^\\s*[^\\s{\\[]'") }} then {{ column }} end
{%- endmacro %}
