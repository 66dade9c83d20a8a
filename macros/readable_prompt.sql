{#
    The text of a prompt as a reader wants it: the client wraps the news of a task that ended in tags;
    what it says is the summary.
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
