{#
    A prompt's text for readers: from the tags around the notice of a finished task, only the summary is kept.
#}
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
