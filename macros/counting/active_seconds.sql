{#
    Time at work up to a call: since the previous call of its session, but at most `away_minutes`, beyond which the person counts as
    away. NULL for the first call. `calls` is the alias of fact_api_call.
#}
{% macro active_seconds(calls) -%}
    {%- set previous -%}
        lag({{ calls }}.called_at) over (
            partition by {{ calls }}.session_id order by {{ calls }}.called_at, {{ calls }}.call_id
        )
    {%- endset -%}
    case
        when {{ previous }} is not null and {{ calls }}.called_at is not null
            then least({{ ms_between(previous, calls ~ '.called_at') }} / 1000.0, {{ var('away_minutes') }} * 60)
    end
{%- endmacro %}
