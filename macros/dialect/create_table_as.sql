{#
    A model's long texts (config `zstd_columns`) are stored with zstd: a sixth of the size, for no more time.
    DuckDB takes a compression per column only where the table is declared, so such a table is declared first
    and filled then. Not for every column: each zstd segment takes a block of 256 KB of its own. The contract
    is checked where the table is made; the temporary table of an increment goes into one that has been.
#}
{% macro duckdb__create_table_as(
    temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none
) -%}
    {%- set contract = config.get('contract') -%}
    {%- set zstd_columns = config.get('zstd_columns', []) -%}
    {%- if temporary or not (contract.enforced or zstd_columns) -%}
        create {{ 'temporary' if temporary }} table {{ relation.include(
            database=(not temporary), schema=(not temporary)
        ) }}
        as ({{ compiled_code }});
    {%- else -%}
        {%- set columns = [] -%}
        {%- if contract.enforced -%}
            {{ get_assert_columns_equivalent(compiled_code) }}
            {%- for column in model.columns.values() -%}
                {%- do columns.append((column.name, column.data_type)) -%}
            {%- endfor -%}
        {%- else -%}
            {%- for row in run_query('describe (' ~ compiled_code ~ ')').rows -%}
                {%- do columns.append((row[0], row[1])) -%}
            {%- endfor -%}
        {%- endif -%}
        create table {{ relation }} (
        {%- for name, type in columns %}
            {{ adapter.quote(name) }} {{ type }}
            {%- if name in zstd_columns %} using compression zstd{% endif %}
            {%- for constraint in (model.columns.get(name) or {}).get('constraints') or [] %}
                {%- if constraint.type == 'not_null' %} not null{% endif %}
                {%- if constraint.type == 'primary_key' %} primary key{% endif %}
                {%- if constraint.type == 'check' %} check ({{ constraint.expression }}){% endif %}
            {%- endfor %}
            {{- ',' if not loop.last }}
        {%- endfor %}
        );
        insert into {{ relation }} by name ({{ compiled_code }});
    {%- endif -%}
{%- endmacro %}
