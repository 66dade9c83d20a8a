{# Advice on avoiding another cache miss with that cause; NULL where the cause is unknown. #}
{% macro cache_miss_advice(cause) -%}
    case
        when {{ cause }} = 'expired_5m' then 'Answer within five minutes, or use the one-hour cache'
        when {{ cause }} in ('expired_1h', 'previous_message_not_found')
            then 'Start a new session or compact before a pause of more than an hour'
        when {{ cause }} in ('model_switch', 'model_changed')
            then 'Switch the model at the start of a session: each switch sends the whole context again'
        when {{ cause }} = 'tools_changed' then 'Connect MCP servers and load tools at the start of a session'
        when {{ cause }} not in ('unknown', 'unavailable')
            then 'Keep tools, system prompt and memory files as they are within a session'
    end
{%- endmacro %}

{# Causes that have the same remedy, as one. #}
{% macro cache_miss_group(cause) -%}
    case
        when {{ cause }} in ('expired_1h', 'previous_message_not_found') then 'expired_1h'
        when {{ cause }} in ('model_switch', 'model_changed') then 'model_switch'
        when {{ cause }} in ('expired_5m', 'tools_changed') then {{ cause }}
        else 'beginning_changed'
    end
{%- endmacro %}

{# Such a group in words. #}
{% macro cache_miss_subject(cause_group) -%}
    case {{ cause_group }}
        when 'expired_5m' then 'pauses of more than five minutes'
        when 'expired_1h' then 'pauses of more than an hour'
        when 'model_switch' then 'a model switch in the middle of a session'
        when 'tools_changed' then 'tools added or removed in the middle of a session'
        else 'a changed beginning of the context'
    end
{%- endmacro %}
