{# A view of merged rows in the target `lake`; dbt-duckdb's own otherwise. #}
{% macro duckdb__create_view_as(relation, sql) -%}
    {%- set sql = merged(sql) -%}
    {%- set contract = config.get('contract') -%}
    create view {{ relation }}
    {%- if contract.enforced %}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif %} as (
        {{ sql }}
    );
{%- endmacro %}
