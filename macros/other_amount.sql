{#
    Whether two sums of dollars differ by more than some dollars and what rounding leaves of very large ones.
#}
{% macro other_amount(amount, expected, dollars='1e-6') -%}
    abs({{ amount }} - ({{ expected }})) > {{ dollars }} + 1e-12 * abs({{ expected }})
{%- endmacro %}
