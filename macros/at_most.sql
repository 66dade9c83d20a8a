{# A value limited by an upper bound; NULL where the value is unknown (`least` would return the bound). #}
{% macro at_most(value, bound) -%}
    case when {{ value }} > {{ bound }} then {{ bound }} else {{ value }} end
{%- endmacro %}
