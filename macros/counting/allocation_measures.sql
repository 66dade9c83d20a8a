{# The measures of every view over rows of fact_cost_allocation: one definition for all of them. #}
{% macro allocation_measures(allocations) -%}
    cast(count(distinct {{ allocations }}.session_id) as bigint) as session_count,
    cast(sum({{ allocations }}.request_count) as bigint) as request_count,
    cast(sum({{ allocations }}.entered_tokens) as bigint) as entered_tokens,
    cast(sum({{ allocations }}.input_tokens) as bigint) as carried_tokens,
    cast(sum({{ allocations }}.output_tokens) as bigint) as output_tokens,
    sum({{ allocations }}.entry_cost_usd) as entry_cost_usd,
    sum({{ allocations }}.carrying_cost_usd) as carrying_cost_usd,
    sum({{ allocations }}.output_cost_usd) as output_cost_usd,
    sum({{ allocations }}.miss_extra_cost_usd) as miss_extra_cost_usd,
    sum({{ allocations }}.cost_usd) as cost_usd
{%- endmacro %}
