{#
    How long the cache entries of a thread live before a request: an hour if an earlier request of the thread wrote for an hour, else
    five minutes. `responses` is the alias of int_context_response.
#}
{% macro cache_lifetime_seconds(responses) -%}
    case
        when
            max({{ responses }}.cache_write_1h_tokens) over (
                partition by {{ responses }}.thread_id
                order by {{ responses }}.response_number
                rows between unbounded preceding and 1 preceding
            ) > 0
            then {{ var('cache_ttl_1h_seconds') }}
        else {{ var('cache_ttl_5m_seconds') }}
    end
{%- endmacro %}
