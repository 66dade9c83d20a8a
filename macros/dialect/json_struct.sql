{#
    One typed struct from a column of JSON text, in one parse. `spec` is a JSON text that maps names to types,
    nested. A value of another type becomes NULL. Besides DuckDB's types there are COUNT and MS: whole
    numbers from 0 to 4,294,967,295, as bigint and as double. A larger value is more likely a damaged log than
    a real number of tokens or milliseconds, and sums of such values stay far below the limit of a bigint.
#}
{% macro json_struct(column, spec) -%}
    {%- set parsed -%}
        json_transform(
            {{ column }},
            '{{ spec | trim | replace('"COUNT"', '"UINTEGER"') | replace('"MS"', '"UINTEGER"') }}'
        )
    {%- endset -%}
    {%- if '"COUNT"' in spec or '"MS"' in spec -%} cast({{ parsed }} as {{ duckdb_type(fromjson(spec)) }})
    {%- else -%} {{ parsed }}
    {%- endif -%}
{%- endmacro %}

{# The same specification as a type of DuckDB. #}
{% macro duckdb_type(spec) -%}
    {%- if spec is mapping -%}
        struct(
        {%- for name, type in spec.items() -%}
        "{{ name }}" {{ duckdb_type(type) }}{{ ', ' if not loop.last }}
        {%- endfor -%}
        )
    {%- elif spec is string -%}
        {{ {'COUNT': 'bigint', 'MS': 'double'}.get(spec, spec) }}
    {%- else -%}
        {{ duckdb_type(spec[0]) }}[]
    {%- endif -%}
{%- endmacro %}
