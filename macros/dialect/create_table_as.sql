{#
    A model's long texts (config `zstd_columns`) are stored with zstd: a sixth of the size in the same time.
    DuckDB accepts a compression per column only in a table declaration, so such a table is declared first and
    filled afterwards. Not used for every column: each zstd segment takes its own block of 256 KB. The
    contract is checked where the table is created; the temporary table of an increment is inserted into one
    that has been checked.
#}
{% macro duckdb__create_table_as(
    temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none
) -%}
    {%- set compiled_code = compiled_code if temporary else merged(compiled_code) -%}
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
