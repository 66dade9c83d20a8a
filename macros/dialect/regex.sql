{# The first match of a regular expression's group in a text; '' where there is none. #}
{% macro regex_group(column, pattern, group=1) -%} {{ return(adapter.dispatch('regex_group')(column, pattern, group)) }} {%- endmacro %}
{% macro duckdb__regex_group(column, pattern, group) -%} regexp_extract({{ column }}, '{{ pattern }}', {{ group }}) {%- endmacro %}
{% macro spark__regex_group(column, pattern, group) -%} regexp_extract({{ column }}, r'{{ pattern }}', {{ group }}) {%- endmacro %}

{# Whether a regular expression matches anywhere in a text. #}
{% macro regex_matches(column, pattern) -%} {{ return(adapter.dispatch('regex_matches')(column, pattern)) }} {%- endmacro %}
{% macro duckdb__regex_matches(column, pattern) -%} regexp_matches({{ column }}, {{ pattern }}) {%- endmacro %}
{% macro spark__regex_matches(column, pattern) -%} ({{ column }} rlike {{ pattern }}) {%- endmacro %}
