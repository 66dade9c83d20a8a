{#
    A line in the client's transcript form, as JSON: `fields` and the fields of its `message` map a name to an
    expression. Sources other than transcripts are converted by it.
#}
{% macro conversation_line(fields, message=none) -%}
    cast(to_json({
        {%- for name, value in fields.items() %}
        '{{ name }}': {{ value }}{{ ',' if message or not loop.last }}
        {%- endfor %}
        {%- if message %}
        'message': {
            {%- for name, value in message.items() %}
            '{{ name }}': {{ value }}{{ ',' if not loop.last }}
            {%- endfor %}
        }
        {%- endif %}
    }) as varchar)
{%- endmacro %}

{# Message content that consists of one block, as JSON. #}
{% macro content_block(fields) -%}
    to_json([{
        {%- for name, value in fields.items() %}
        '{{ name }}': {{ value }}{{ ',' if not loop.last }}
        {%- endfor %}
    }])
{%- endmacro %}
