{#
    A line in the client's transcript form, as JSON: `fields` and the fields of its `message` map a name to an
    expression. Sources other than transcripts are converted by it.
#}
{% macro conversation_line(fields, message=none) -%}
    {{ return(adapter.dispatch('conversation_line')(fields, message)) }}
{%- endmacro %}
{% macro duckdb__conversation_line(fields, message) -%}
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
{% macro spark__conversation_line(fields, message) -%}
    to_json(named_struct(
        {%- for name, value in fields.items() %}
        '{{ name }}', {{ value }}{{ ',' if message or not loop.last }}
        {%- endfor %}
        {%- if message %}
        'message', named_struct(
            {%- for name, value in message.items() %}
            '{{ name }}', {{ value }}{{ ',' if not loop.last }}
            {%- endfor %}
        )
        {%- endif %}
    ))
{%- endmacro %}

{# Message content that consists of one block, as JSON. #}
{% macro content_block(fields) -%} {{ return(adapter.dispatch('content_block')(fields)) }} {%- endmacro %}
{% macro duckdb__content_block(fields) -%}
    to_json([{
        {%- for name, value in fields.items() %}
        '{{ name }}': {{ value }}{{ ',' if not loop.last }}
        {%- endfor %}
    }])
{%- endmacro %}
{% macro spark__content_block(fields) -%}
    array(named_struct(
        {%- for name, value in fields.items() %}
        '{{ name }}', {{ value }}{{ ',' if not loop.last }}
        {%- endfor %}
    ))
{%- endmacro %}
