{#
    The billed tokens of a usage, or of one of its iterations: none is missing or negative. The total of the
    cache writes is above their split by lifetime, but a client of early 2026 wrote 0 above a non-zero split.
#}
{% macro counted_tokens(usage) -%}
    greatest(coalesce({{ usage }}.input_tokens, 0), 0) as uncached_input_tokens,
    greatest(coalesce({{ usage }}.output_tokens, 0), 0) as output_tokens,
    greatest(coalesce({{ usage }}.cache_read_input_tokens, 0), 0) as cache_read_tokens,
    greatest(
        coalesce({{ usage }}.cache_creation_input_tokens, 0),
        coalesce({{ usage }}.cache_creation.ephemeral_1h_input_tokens, 0)
        + case
            when coalesce({{ usage }}.cache_creation_input_tokens, 0) = 0
                then greatest(coalesce({{ usage }}.cache_creation.ephemeral_5m_input_tokens, 0), 0)
            else 0
        end,
        0
    ) as cache_write_tokens,
    greatest(coalesce({{ usage }}.cache_creation.ephemeral_1h_input_tokens, 0), 0) as cache_write_1h_tokens
{%- endmacro %}
