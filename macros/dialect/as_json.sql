{# A struct as JSON text: `pairs` maps a name to an expression. #}
{% macro as_json(pairs) -%} {{ return(adapter.dispatch('as_json')(pairs)) }} {%- endmacro %}
{% macro duckdb__as_json(pairs) -%}
    cast(to_json({ {%- for name, value in pairs.items() %}'{{ name }}': {{ value }}{{ ', ' if not loop.last }}{% endfor -%} }) as varchar)
{%- endmacro %}
{% macro spark__as_json(pairs) -%}
    to_json(named_struct({% for name, value in pairs.items() %}'{{ name }}', {{ value }}{{ ', ' if not loop.last }}{% endfor %}))
{%- endmacro %}
