{# One typed struct out of a column of JSON text, in one parse. `spec` is a JSON text: names to types, nested. #}
{% macro json_struct(column, spec) -%} {{ return(adapter.dispatch('json_struct')(column, spec)) }} {%- endmacro %}

{% macro duckdb__json_struct(column, spec) -%} json_transform({{ column }}, '{{ spec | trim }}') {%- endmacro %}

{% macro spark__json_struct(column, spec) -%} from_json({{ column }}, '{{ spark_schema(fromjson(spec)) }}') {%- endmacro %}

{# The same specification as a Spark schema. #}
{% macro spark_schema(spec) -%}
    {%- if spec is mapping -%}
        struct<{% for name, type in spec.items() %}`{{ name }}`:{{ spark_schema(type) }}{{ ',' if not loop.last }}{% endfor %}>
    {%- elif spec is string -%}
        {{ {'VARCHAR': 'string', 'JSON': 'string', 'BIGINT': 'bigint', 'DOUBLE': 'double', 'BOOLEAN': 'boolean'}[spec] }}
    {%- else -%}
        array<{{ spark_schema(spec[0]) }}>
    {%- endif -%}
{%- endmacro %}

{# A text where it is JSON, else NULL: a whole file may be anything, a file that is just being written for instance. #}
{% macro json_or_null(column) -%} {{ return(adapter.dispatch('json_or_null')(column)) }} {%- endmacro %}
{% macro duckdb__json_or_null(column) -%} case when json_valid({{ column }}) then {{ column }} end {%- endmacro %}
{% macro spark__json_or_null(column) -%} {{ column }} {%- endmacro %}
