{# The two parts of an MCP tool's name, `mcp__<server>__<tool>`; both are NULL for any other tool. #}
{% macro mcp_server_of(tool_name) -%}
    nullif({{ regex_group(tool_name, '(?s)^mcp__(.+?)__.') }}, '')
{%- endmacro %}
{% macro mcp_tool_of(tool_name) -%}
    nullif({{ regex_group(tool_name, '(?s)^mcp__.+?__(.+)$') }}, '')
{%- endmacro %}

{#
    The MCP server of a component, NULL for others: itself, or the one in the name of its tool. A definition
    may belong to a tool that was never called: its name contains the server nevertheless.
#}
{% macro mcp_server(component_type, component_name) -%}
    case
        when {{ component_type }} = 'mcp_server' then {{ component_name }}
        when {{ component_type }} = 'tool' then {{ mcp_server_of(component_name) }}
    end
{%- endmacro %}
