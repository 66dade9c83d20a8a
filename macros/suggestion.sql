{# What to do about results in the context, for the suggestions of one session and of all. #}
{% macro suggestion(optimization_type) -%}
    {%- set suggestions = {
        'carried_unused_result':
            'Request less of it, or have a subagent read it: it was carried for long and never named again',
        'reread_file': 'It was still in the context, unchanged: no need to read it again',
    } -%}
    '{{ suggestions[optimization_type] }}'
{%- endmacro %}
