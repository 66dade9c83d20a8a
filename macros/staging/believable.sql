{# A number from a log; NULL where it is negative or too large to be exact in JSON: the line is damaged. #}
{% macro believable(column) -%}
    case
        when {{ column }} between 0 and {{ var('largest_log_number', 9007199254740992) }} then {{ column }}
    end
{%- endmacro %}

{# A whole number given as text; NULL where the text is not one. #}
{% macro believable_count(column) -%} {{ believable('try_cast(' ~ column ~ ' as bigint)') }} {%- endmacro %}
