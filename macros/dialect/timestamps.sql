{#
    No log was written outside these bounds: such a timestamp becomes NULL, and v_set_aside_value counts it.
    The first client was released in 2025.
#}
{% macro earliest_log_time() -%} {{ return(var('earliest_log_time', '2000-01-01')) }} {%- endmacro %}
{% macro latest_log_time() -%} {{ return(var('latest_log_time', '2100-01-01')) }} {%- endmacro %}

{#
    ISO 8601 text as a UTC timestamp without zone; NULL for other text and for times outside the bounds. The
    remaining values are far from every type's limits: no sum, no difference, no change of zone overflows.
#}
{% macro parse_timestamp(column) -%}
    case
        when try_cast({{ column }} as timestamptz) between timestamptz '{{ earliest_log_time() }} 00:00:00+00'
            and timestamptz '{{ latest_log_time() }} 00:00:00+00'
            then timezone('UTC', try_cast({{ column }} as timestamptz))
    end
{%- endmacro %}

{# Milliseconds since 1970 as a UTC timestamp; NULL for a time outside the bounds. #}
{% macro timestamp_from_ms(column) -%}
    case
        when
            {{ column }} between epoch_ms(
                timestamp '{{ earliest_log_time() }}'
            ) and epoch_ms(timestamp '{{ latest_log_time() }}')
            then make_timestamp_ms(cast({{ column }} as bigint))
    end
{%- endmacro %}

{# Whole milliseconds from one timestamp to a later one. #}
{% macro ms_between(start, stop) -%} (epoch_ms({{ stop }}) - epoch_ms({{ start }})) {%- endmacro %}

{# A UTC timestamp as local time in the zone in which the user's days are counted. #}
{% macro local_time(column) -%}
    timezone('{{ local_timezone() }}', timezone('UTC', {{ column }}))
{%- endmacro %}

{# A local time in the user's zone as a UTC timestamp without zone. #}
{% macro utc_time(column) -%}
    timezone('UTC', timezone('{{ local_timezone() }}', {{ column }}))
{%- endmacro %}

{# Name of the zone: AGENT_STORE_TIMEZONE, or else the var `timezone`. #}
{% macro local_timezone() -%}
    {{ return(env_var('AGENT_STORE_TIMEZONE', '') or var('timezone')) }}
{%- endmacro %}
