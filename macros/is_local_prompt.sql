{#
    Whether a prompt is one that the client answers by itself, without a model, or has repeated: it is a task
    only if work was done under it nevertheless.
#}
{% macro is_local_prompt(prompt_origin) -%}
    {{ prompt_origin }} in ('local_command', 'shell', 'rewritten')
{%- endmacro %}
