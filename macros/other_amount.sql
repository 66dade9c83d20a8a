{# Whether two sums of dollars differ by more than some dollars and the rounding of very large ones. #}
{% macro other_amount(amount, expected, dollars='1e-6') -%}
    abs({{ amount }} - ({{ expected }})) > {{ dollars }} + 1e-12 * abs({{ expected }})
{%- endmacro %}
