{# dbt's own rule, but changed models are rebuilt from raw automatically (agent_store/build/pipeline.py). #}
{% macro should_full_refresh() -%}
    {%- set configured = config.get('full_refresh') -%}
    {{ return(configured if configured is not none else flags.FULL_REFRESH or plugin('mode').is_rebuild) }}
{%- endmacro %}
