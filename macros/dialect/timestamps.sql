{# Text in ISO 8601 as a UTC timestamp without zone; NULL where it is not one. #}
{% macro parse_timestamp(column) -%} {{ return(adapter.dispatch('parse_timestamp')(column)) }} {%- endmacro %}
{% macro duckdb__parse_timestamp(column) -%} timezone('UTC', try_cast({{ column }} as timestamptz)) {%- endmacro %}
{% macro spark__parse_timestamp(column) -%} to_timestamp({{ column }}) {%- endmacro %}

{# Milliseconds since 1970 as a UTC timestamp; NULL where they lie outside of the years 1970 to 9999. #}
{% macro timestamp_from_ms(column) -%} {{ return(adapter.dispatch('timestamp_from_ms')(column)) }} {%- endmacro %}
{% macro duckdb__timestamp_from_ms(column) -%} 
    make_timestamp(case when {{ column }} between 0 and 253402300799999 then cast({{ column }} as bigint) end * 1000)
{%- endmacro %}
{% macro spark__timestamp_from_ms(column) -%} 
    timestamp_millis(case when {{ column }} between 0 and 253402300799999 then {{ column }} end)
{%- endmacro %}

{# Whole milliseconds from one timestamp to a later one. #}
{% macro ms_between(start, stop) -%} {{ return(adapter.dispatch('ms_between')(start, stop)) }} {%- endmacro %}
{% macro duckdb__ms_between(start, stop) -%} (epoch_ms({{ stop }}) - epoch_ms({{ start }})) {%- endmacro %}
{% macro spark__ms_between(start, stop) -%} (unix_millis({{ stop }}) - unix_millis({{ start }})) {%- endmacro %}

{# A UTC timestamp as the wall clock of the zone in which the user's days are counted. #}
{% macro local_time(column) -%} {{ return(adapter.dispatch('local_time')(column)) }} {%- endmacro %}
{% macro duckdb__local_time(column) -%}
    timezone('{{ local_timezone() }}', timezone('UTC', {{ column }}))
{%- endmacro %}
{% macro spark__local_time(column) -%} from_utc_timestamp({{ column }}, '{{ local_timezone() }}') {%- endmacro %}

{# The zone's name: AGENT_STORE_TIMEZONE, else the var `timezone`. #}
{% macro local_timezone() -%}
    {{ return(env_var('AGENT_STORE_TIMEZONE', '') or var('timezone')) }}
{%- endmacro %}
