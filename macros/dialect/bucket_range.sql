{# The numbers of the 4,096-token buckets that an interval of positions touches, as a list. #}
{% macro bucket_range(first, last) -%} {{ return(adapter.dispatch('bucket_range')(first, last)) }} {%- endmacro %}
{% macro duckdb__bucket_range(first, last) -%} range({{ first }} // 4096, ({{ last }} - 1) // 4096 + 1) {%- endmacro %}
{% macro spark__bucket_range(first, last) -%} sequence({{ first }} div 4096, ({{ last }} - 1) div 4096) {%- endmacro %}
