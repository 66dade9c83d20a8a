{# What a person wrote, quoted. Of a plan that was handed over they wrote nothing: its heading tells it. #}
{% macro quoted_prompt(column) -%}
    case
        when {{ column }} like 'Implement the following plan:%'
            then 'approved plan ' || {{ quoted_line(regex_group(
                'left(' ~ column ~ ', 1000)', '(?s)^Implement the following plan:[\\s#]*(?:Plan: *)?([^\\n]*)'
            ), 120) }}
        else {{ quoted_line(column, 140) }}
    end
{%- endmacro %}
