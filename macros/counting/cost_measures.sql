{#
    The measures of every cost mart, over rows of fact_api_call: one definition for all. A mart grouped by
    session has no sessions to count.
#}
{% macro cost_measures(calls, counts_sessions=true) -%}
    {%- if counts_sessions %}
    cast(count(distinct {{ calls }}.session_id) as bigint) as session_count,
    {%- endif %}
    cast(count(*) filter (where {{ calls }}.success) as bigint) as response_count,
    cast(coalesce(sum({{ calls }}.uncached_input_tokens), 0) as bigint) as uncached_input_tokens,
    cast(coalesce(sum({{ calls }}.output_tokens), 0) as bigint) as output_tokens,
    cast(coalesce(sum({{ calls }}.cache_read_tokens), 0) as bigint) as cache_read_tokens,
    cast(coalesce(sum({{ calls }}.cache_write_5m_tokens), 0) as bigint) as cache_write_5m_tokens,
    cast(coalesce(sum({{ calls }}.cache_write_1h_tokens), 0) as bigint) as cache_write_1h_tokens,
    cast(coalesce(sum({{ calls }}.total_tokens), 0) as bigint) as total_tokens,
    cast(coalesce(sum({{ calls }}.web_search_count), 0) as bigint) as web_search_count,
    cast(count(*) filter (where not {{ calls }}.is_priced) as bigint) as unpriced_response_count,
    sum({{ calls }}.web_search_cost_usd) as web_search_cost_usd,
    sum({{ calls }}.cost_usd) as cost_usd
{%- endmacro %}
