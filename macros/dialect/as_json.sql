{# A struct as JSON text: `pairs` maps a name to an expression. #}
{% macro as_json(pairs) -%}
    cast(to_json({
        {%- for name, value in pairs.items() %}
        '{{ name }}': {{ value }}{{ ',' if not loop.last }}
        {%- endfor %}
    }) as varchar)
{%- endmacro %}

{# A list as JSON text. #}
{% macro list_as_json(list) -%} cast(to_json({{ list }}) as varchar) {%- endmacro %}
