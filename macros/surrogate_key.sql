{#
    A 32-hex text key out of the parts of a natural key: the same on every machine and engine. NULL and
    '' are kept apart. One part that is already globally unique (a session id, a tool_use id) is its
    own key and needs no hash.
#}
{% macro surrogate_key(parts) -%}
    md5(concat_ws(chr(31),
        {%- for part in parts %}
        coalesce(cast({{ part }} as varchar), chr(30)){{ ',' if not loop.last }}
        {%- endfor %}
    ))
{%- endmacro %}
