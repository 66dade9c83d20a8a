{# The halves of an MCP tool's name, `mcp__<server>__<tool>`: both, or NULL for any other tool. #}
{% macro mcp_server_of(tool_name) -%}
    nullif({{ regex_group(tool_name, '(?s)^mcp__(.+?)__.') }}, '')
{%- endmacro %}
{% macro mcp_tool_of(tool_name) -%}
    nullif({{ regex_group(tool_name, '(?s)^mcp__.+?__(.+)$') }}, '')
{%- endmacro %}

{#
    The MCP server that a component is of, NULL for others: itself, or the one in the name of its tool. A
    definition can be of a tool that was never called: its server stands in its name all the same.
#}
{% macro mcp_server(component_type, component_name) -%}
    case
        when {{ component_type }} = 'mcp_server' then {{ component_name }}
        when {{ component_type }} = 'tool' then {{ mcp_server_of(component_name) }}
    end
{%- endmacro %}
