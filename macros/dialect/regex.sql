{# The text of a group at the first match of a regular expression; '' where there is none. #}
{% macro regex_group(column, pattern, group=1) -%}
    regexp_extract({{ column }}, '{{ pattern }}', {{ group }})
{%- endmacro %}

{# Whether a regular expression matches anywhere in a text. #}
{% macro regex_matches(column, pattern) -%}
    regexp_matches({{ column }}, {{ pattern }})
{%- endmacro %}

{# A text with every match of a regular expression replaced by a plain text. #}
{% macro regex_replace(column, pattern, replacement) -%}
    regexp_replace({{ column }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{# The texts of a group at all matches of a regular expression, as a list; empty where there is none. #}
{% macro regex_groups(column, pattern, group=1) -%}
    regexp_extract_all({{ column }}, '{{ pattern }}', {{ group }})
{%- endmacro %}
