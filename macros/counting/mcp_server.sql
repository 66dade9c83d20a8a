{#
    The MCP server that a component is of, NULL for others: itself, or the one in the name of its tool. A definition can be of a
    tool that was never called: its server stands in its name all the same.
#}
{% macro mcp_server(component_type, component_name) -%}
    case
        when {{ component_type }} = 'mcp_server' then {{ component_name }}
        when {{ component_type }} = 'tool' then nullif({{ regex_group(component_name, '^mcp__(.+?)__') }}, '')
    end
{%- endmacro %}
