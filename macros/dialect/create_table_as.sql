{#
    A model's long texts (config `zstd_columns`) are stored with zstd: a sixth of the size, for no more time. DuckDB takes
    a compression per column only where the table is declared, so such a table is declared first and filled then.
    Not for every column: each zstd segment takes a block of 256 KB of its own.
#}
{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) -%}
    {%- set contract = config.get('contract') -%}
    {%- if contract.enforced -%}
        {{ get_assert_columns_equivalent(compiled_code) }}
    {%- endif -%}
    {%- if temporary or not (contract.enforced or config.get('zstd_columns')) -%}
        create {{ 'temporary' if temporary }} table {{ relation.include(database=(not temporary), schema=(not temporary)) }}
        as ({{ compiled_code }});
    {%- else -%}
        {%- set zstd_columns = config.get('zstd_columns', []) -%}
        {%- set described = run_query('describe (' ~ compiled_code ~ ')') -%}
        create table {{ relation }} (
        {%- for row in described.rows %}
            {{ adapter.quote(row[0]) }} {{ row[1] }}
            {%- if row[0] in zstd_columns %} using compression zstd{% endif %}
            {%- for constraint in (model.columns.get(row[0]) or {}).get('constraints') or [] %}
                {%- if constraint.type == 'not_null' %} not null{% endif %}
                {%- if constraint.type == 'primary_key' %} primary key{% endif %}
                {%- if constraint.type == 'check' %} check ({{ constraint.expression }}){% endif %}
            {%- endfor %}
            {{- ',' if not loop.last }}
        {%- endfor %}
        );
        insert into {{ relation }} ({{ compiled_code }});
    {%- endif -%}
{%- endmacro %}
