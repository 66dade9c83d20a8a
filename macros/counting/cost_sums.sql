{# Sums for every view over rows of v_cost of a kind that made calls: the measures of cost_measures. #}
{% macro cost_sums(rows) -%}
    cast(count(distinct {{ rows }}.session_id) as bigint) as session_count,
    cast(sum({{ rows }}.request_count) as bigint) as response_count,
    cast(sum({{ rows }}.uncached_input_tokens) as bigint) as uncached_input_tokens,
    cast(sum({{ rows }}.output_tokens) as bigint) as output_tokens,
    cast(sum({{ rows }}.cache_read_tokens) as bigint) as cache_read_tokens,
    cast(sum({{ rows }}.cache_write_5m_tokens) as bigint) as cache_write_5m_tokens,
    cast(sum({{ rows }}.cache_write_1h_tokens) as bigint) as cache_write_1h_tokens,
    cast(sum({{ rows }}.total_tokens) as bigint) as total_tokens,
    cast(sum({{ rows }}.web_search_count) as bigint) as web_search_count,
    cast(sum({{ rows }}.unpriced_response_count) as bigint) as unpriced_response_count,
    sum({{ rows }}.web_search_cost_usd) as web_search_cost_usd,
    sum({{ rows }}.cost_usd) as cost_usd
{%- endmacro %}
