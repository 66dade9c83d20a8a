{# What this build is, as the plugin found at its start: whether everything is built from raw again, and whether nothing is new. #}
{% macro build_mode() -%}
    {{ return(plugin('mode')) }}
{%- endmacro %}
