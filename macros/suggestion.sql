{# What to do about results in the context, for the suggestions of one session and of all. #}
{% macro suggestion(optimization_type) -%}
    {%- set suggestions = {
        'carried_unused_result':
            'Ask for less of it, or have a subagent read it: it was carried long and nothing of it came up again',
        'reread_file': 'It was still in the context, unchanged: no need to read it again',
    } -%}
    '{{ suggestions[optimization_type] }}'
{%- endmacro %}
