-- What v_usage says a tool, a server, a skill or an agent has cost is what the cost mart of its kind says.
{%- set marts = {
    'tool': ('v_cost_by_tool', 'tool_name'), 'mcp_server': ('v_cost_by_mcp_server', 'mcp_server'),
    'skill': ('v_cost_by_skill', 'skill_name'), 'agent': ('v_cost_by_agent', 'agent_name')
} %}
with expected as (
    {%- for type, (mart, name) in marts.items() %}
        select
            '{{ type }}' as usage_type,
            {{ name }} as used_name,
            sum(cost_usd) as cost_usd
        from {{ ref(mart) }}
        {{ "where agent_type <> 'main'" if type == 'agent' }}
        group by {{ name }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    usages.usage_type,
    usages.used_name,
    usages.cost_usd,
    expected.cost_usd as expected_cost_usd
from {{ ref('v_usage') }} as usages
left join expected on expected.usage_type = usages.usage_type and expected.used_name = usages.used_name
where usages.usage_type <> 'command' and abs(coalesce(usages.cost_usd, -1) - coalesce(expected.cost_usd, -1)) > 1e-6
