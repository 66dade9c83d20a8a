{# A prompt's text for readers: of the tags around the news of a task that ended, the summary is left. #}
{% macro readable_prompt(text) -%}
    case
        when {{ text }} like '<task-notification>%' then coalesce(
            nullif(trim({{ regex_group(text, '(?s)<summary>(.*?)</summary>') }}), ''),
            nullif(trim({{ regex_group(text, '(?s)<event>(.*?)</event>') }}), ''),
            {{ text }}
        )
        else {{ text }}
    end
{%- endmacro %}
