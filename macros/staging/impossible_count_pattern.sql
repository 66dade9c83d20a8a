{# Token counts that json_struct does not accept: below zero, or with too many digits. #}
{% macro impossible_count_pattern() -%}
    '"(?:[a-z0-9_]+_tokens|(?:pre|post)Tokens)"\s*:\s*"?(?:{{ [
        '-[0-9.]*[1-9]', '[5-9][0-9]{9}', '[0-9]{11}', '[0-9.]+[eE][+]?[1-9][0-9]'
    ] | join('|') }})'
{%- endmacro %}
