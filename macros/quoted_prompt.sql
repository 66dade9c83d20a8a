{# A person's text, quoted. For a handed-over plan, which they did not write, its heading. #}
{% macro quoted_prompt(column) -%}
    case
        when {{ column }} like 'Implement the following plan:%'
            then 'approved plan ' || {{ quoted_line(regex_group(
                'left(' ~ column ~ ', 1000)', '(?s)^Implement the following plan:[\\s#]*(?:Plan: *)?([^\\n]*)'
            ), 120) }}
        else {{ quoted_line(column, 140) }}
    end
{%- endmacro %}
