{#
    A 32-hex key from the parts of a natural key: the same on every machine. NULL and '' are distinguished.
    A part that is globally unique (a session id, a tool_use id) is its own key without a hash.
#}
{% macro surrogate_key(parts) -%}
    md5(concat_ws(chr(31),
        {%- for part in parts %}
        coalesce(cast({{ part }} as varchar), chr(30)){{ ',' if not loop.last }}
        {%- endfor %}
    ))
{%- endmacro %}
