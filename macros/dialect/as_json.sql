{# A struct as JSON text: `pairs` maps a name to an expression. #}
{% macro as_json(pairs) -%} {{ return(adapter.dispatch('as_json')(pairs)) }} {%- endmacro %}
{% macro duckdb__as_json(pairs) -%}
    cast(to_json({
        {%- for name, value in pairs.items() %}
        '{{ name }}': {{ value }}{{ ',' if not loop.last }}
        {%- endfor %}
    }) as varchar)
{%- endmacro %}
{% macro spark__as_json(pairs) -%}
    to_json(named_struct(
        {%- for name, value in pairs.items() %}
        '{{ name }}', {{ value }}{{ ',' if not loop.last }}
        {%- endfor %}
    ))
{%- endmacro %}

{# A list as JSON text. #}
{% macro list_as_json(list) -%} {{ return(adapter.dispatch('list_as_json')(list)) }} {%- endmacro %}
{% macro duckdb__list_as_json(list) -%} cast(to_json({{ list }}) as varchar) {%- endmacro %}
{% macro spark__list_as_json(list) -%} to_json({{ list }}) {%- endmacro %}
