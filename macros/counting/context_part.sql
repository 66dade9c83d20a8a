{#
    What a segment of a context is to someone who wants to carry less: its kind and its name. The instructions and
    the tool definitions of an MCP server are one part; so are the two spellings of the list of agents.
#}
{% macro context_part_kind(segments) -%}
    case
        when {{ segments }}.item_kind = 'reference_file'
            then case
                when
                    {{ rule_cases(
                        'cause_groups',
                        {'text': "regexp_matches('reference_file:' || " ~ segments ~ ".component_name, {pattern})"},
                        'cause_group', "'Other'"
                    ) }} = 'Memory files'
                    then 'memory_file'
                else 'attached_file'
            end
        when
            {{ segments }}.component_type = 'mcp_server'
            or {{ segments }}.item_kind = 'tool_definition'
            and {{ mcp_server_of(segments ~ '.component_name') }} is not null
            then 'mcp_server'
        when {{ segments }}.item_kind in ('tool_definition', 'tool_call') then {{ segments }}.item_kind
        when {{ segments }}.item_kind = 'tool_result'
            then case when {{ segments }}.component_type = 'agent' then 'agent_result' else 'tool_result' end
        when {{ segments }}.component_name = 'skill_listing' then 'skill_listing'
        when {{ segments }}.component_name in ('agent_listing', 'agent_listing_delta') then 'agent_listing'
        when {{ segments }}.component_name = 'inherited_context' then 'inherited_context'
        when {{ segments }}.item_kind = 'base' then 'system_prompt'
        else {{ segments }}.item_kind
    end
{%- endmacro %}

{% macro context_part_name(segments) -%}
    case
        when {{ segments }}.component_type = 'tool' and {{ segments }}.item_kind = 'tool_definition'
            then coalesce({{ mcp_server_of(segments ~ '.component_name') }}, {{ segments }}.component_name)
        when {{ segments }}.component_name = 'agent_listing_delta' then 'agent_listing'
        else {{ segments }}.component_name
    end
{%- endmacro %}
