{# Whether two dollar sums differ by more than a given amount and the rounding of very large sums. #}
{% macro other_amount(amount, expected, dollars='1e-6') -%}
    abs({{ amount }} - ({{ expected }})) > {{ dollars }} + 1e-12 * abs({{ expected }})
{%- endmacro %}
