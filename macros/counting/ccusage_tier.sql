{#
    ccusage's long-context price: within one class of tokens, only those above 200,000 have the higher price.
#}
{% macro ccusage_tier(tokens, price, long_price) -%}
    (least({{ tokens }}, 200000) * {{ price }} + greatest({{ tokens }} - 200000, 0) * {{ long_price }}) / 1e6
{%- endmacro %}
