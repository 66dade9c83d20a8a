{# A value, but no more than a bound; NULL where it is not known, where `least` would give the bound. #}
{% macro at_most(value, bound) -%}
    case when {{ value }} > {{ bound }} then {{ bound }} else {{ value }} end
{%- endmacro %}
