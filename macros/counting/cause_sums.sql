{#
    Sums for every view over rows of v_cost of a kind to which dollars are attributed: per name, a request is
    in one row.
#}
{% macro cause_sums(rows) -%}
    cast(count(distinct {{ rows }}.session_id) as bigint) as session_count,
    cast(sum({{ rows }}.request_count) as bigint) as request_count,
    cast(sum({{ rows }}.entered_tokens) as bigint) as entered_tokens,
    cast(sum({{ rows }}.carried_tokens) as bigint) as carried_tokens,
    cast(sum({{ rows }}.output_tokens) as bigint) as output_tokens,
    sum({{ rows }}.entry_cost_usd) as entry_cost_usd,
    sum({{ rows }}.carrying_cost_usd) as carrying_cost_usd,
    sum({{ rows }}.output_cost_usd) as output_cost_usd,
    sum({{ rows }}.cost_usd) as cost_usd
{%- endmacro %}
