{# The text of a group at the first match of a regular expression; '' where there is none. #}
{% macro regex_group(column, pattern, group=1) -%}
    {{ return(adapter.dispatch('regex_group')(column, pattern, group)) }}
{%- endmacro %}
{% macro duckdb__regex_group(column, pattern, group) -%}
    regexp_extract({{ column }}, '{{ pattern }}', {{ group }})
{%- endmacro %}
{% macro spark__regex_group(column, pattern, group) -%}
    regexp_extract({{ column }}, r'{{ pattern }}', {{ group }})
{%- endmacro %}

{# Whether a regular expression matches anywhere in a text. #}
{% macro regex_matches(column, pattern) -%}
    {{ return(adapter.dispatch('regex_matches')(column, pattern)) }}
{%- endmacro %}
{% macro duckdb__regex_matches(column, pattern) -%}
    regexp_matches({{ column }}, {{ pattern }})
{%- endmacro %}
{% macro spark__regex_matches(column, pattern) -%} ({{ column }} rlike {{ pattern }}) {%- endmacro %}

{# A text with every match of a regular expression replaced by a plain text. #}
{% macro regex_replace(column, pattern, replacement) -%}
    {{ return(adapter.dispatch('regex_replace')(column, pattern, replacement)) }}
{%- endmacro %}
{% macro duckdb__regex_replace(column, pattern, replacement) -%}
    regexp_replace({{ column }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}
{% macro spark__regex_replace(column, pattern, replacement) -%}
    regexp_replace({{ column }}, r'{{ pattern }}', '{{ replacement }}')
{%- endmacro %}

{# The texts of a group at all matches of a regular expression, as a list; empty where there is none. #}
{% macro regex_groups(column, pattern, group=1) -%}
    {{ return(adapter.dispatch('regex_groups')(column, pattern, group)) }}
{%- endmacro %}
{% macro duckdb__regex_groups(column, pattern, group) -%}
    regexp_extract_all({{ column }}, '{{ pattern }}', {{ group }})
{%- endmacro %}
{% macro spark__regex_groups(column, pattern, group) -%}
    regexp_extract_all({{ column }}, r'{{ pattern }}', {{ group }})
{%- endmacro %}
