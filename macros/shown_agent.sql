{# An agent as reports name it: `main agent` for those of all projects, any other by its name. #}
{% macro shown_agent(agents='') -%}
    {%- set of = agents ~ '.' if agents else '' -%}
    case when {{ of }}agent_type = 'main' then 'main agent' else {{ of }}agent_name end
{%- endmacro %}
