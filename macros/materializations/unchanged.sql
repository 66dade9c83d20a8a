{#
    Where nothing is new – no line, no change of the code – a whole build leaves every table as it is, and each test answers with
    the verdict that the published store holds. The materializations are dbt's own, each behind that question.
#}
{% materialization table, adapter='duckdb' %}
    {{ return(unchanged_relation() or dbt.materialization_table_duckdb()) }}
{% endmaterialization %}

{% materialization incremental, adapter='duckdb' %}
    {{ return(unchanged_relation() or dbt.materialization_incremental_duckdb()) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {{ return(unchanged_relation() or dbt.materialization_view_default()) }}
{% endmaterialization %}

{% materialization seed, adapter='duckdb' %}
    {%- do store_result('agate_table', response='UNCHANGED', agate_table=none) -%}
    {{ return(unchanged_relation() or dbt.materialization_seed_default()) }}
{% endmaterialization %}

{% materialization test, adapter='duckdb' %}
    {%- set mode = build_mode() -%}
    {%- if not mode.is_unchanged -%}
        {{ return(dbt.materialization_test_default()) }}
    {%- endif -%}
    {%- set failures = mode.findings.get(model.name, 0) -%}
    {% call statement('main', fetch_result=True) -%}
        select
            {{ failures }} as failures,
            {{ failures }} {{ config.get('warn_if') }} as should_warn,
            {{ failures }} {{ config.get('error_if') }} as should_error
    {%- endcall %}
    {{ return({'relations': []}) }}
{% endmaterialization %}

{# What a materialization returns for a relation that stays as it is; nothing where it has to be built. #}
{% macro unchanged_relation() -%}
    {%- if build_mode().is_unchanged -%}
        {% call noop_statement('main', 'UNCHANGED') -%} {%- endcall %}
        {{ return({'relations': [this]}) }}
    {%- endif -%}
{%- endmacro %}
