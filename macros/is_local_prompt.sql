{#
    Whether a prompt is one that the client answers by itself, without a model, or wrote once more: it is a
    task only where something was done under it all the same.
#}
{% macro is_local_prompt(prompt_origin) -%}
    {{ prompt_origin }} in ('local_command', 'shell', 'rewritten')
{%- endmacro %}
