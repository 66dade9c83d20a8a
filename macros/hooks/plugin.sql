{#
    Ask the plugin of this project (agent_store/build/dbt_plugin.py) to do a task; returns the dictionary with
    its answer. `store_relation` is the only way in which dbt-duckdb lets a macro reach a plugin.
#}
{% macro plugin(task, details={}) -%}
    {%- set answer = {} -%}
    {%- set details = dict(details, task=task, answer=answer) -%}
    {%- do adapter.store_relation('agent_store', none, [], '', '', details) -%}
    {{ return(answer) }}
{%- endmacro %}
