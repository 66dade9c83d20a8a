{# A text without everything that a regular expression matches. #}
{% macro regex_remove(column, pattern) -%}
    regexp_replace({{ column }}, '{{ pattern }}', '', 'g')
{%- endmacro %}

{# The same at the beginning of every line. #}
{% macro regex_remove_per_line(column, pattern) -%}
    regexp_replace({{ column }}, '(?m){{ pattern }}', '', 'g')
{%- endmacro %}

{# The first `count` lines of a text as a list. #}
{% macro first_lines(column, count) -%}
    list_slice(string_split({{ column }}, chr(10)), 1, {{ count }})
{%- endmacro %}

{# The texts of several rows joined in an order. #}
{% macro joined_texts(column, order_by, separator='\n') -%}
    string_agg(
        {{ column }}, {{ 'chr(10)' if separator == '\n' else quoted_text(separator) }} order by {{ order_by }}
    )
{%- endmacro %}

{# All words of a text as a list: runs of letters and digits. #}
{% macro words_of(column) -%} regexp_extract_all({{ column }}, '[\p{L}0-9_]+') {%- endmacro %}

{# The parts of a name: `parseHTTPHeader`, `parse_http_header` → parse, HTTP, Header. #}
{% macro word_parts(column) -%}
    regexp_extract_all({{ column }}, '\p{Lu}+[\p{Ll}0-9]*|[\p{Ll}\p{Lo}0-9]+')
{%- endmacro %}

{# A whole number with commas between the thousands, as text. #}
{% macro grouped_number(column) -%}
    format('{:,}', cast(round({{ column }}) as bigint))
{%- endmacro %}

{# US dollars with cents as text. #}
{% macro dollars_text(column) -%} format('${:,.2f}', cast({{ column }} as double)) {%- endmacro %}

{# A text with every occurrence of another text replaced, if it occurs as a whole word or words. #}
{% macro replace_whole(column, found, replacement) -%}
    regexp_replace(
        {{ column }}, '(^|[^A-Za-z0-9_])' || regexp_escape({{ found }}) || '($|[^A-Za-z0-9_])',
        '\1{{ replacement }}\2', 'g'
    )
{%- endmacro %}

{# The first and the last elements of a list; no element twice. #}
{% macro first_and_last(list, first, last) -%}
    list_concat(
        list_slice({{ list }}, 1, {{ first }}),
        list_slice({{ list }}, greatest({{ first }} + 1, len({{ list }}) - {{ last }} + 1), len({{ list }}))
    )
{%- endmacro %}

{# Length of a text in bytes of UTF-8. #}
{% macro byte_length(column) -%} cast(strlen({{ column }}) as bigint) {%- endmacro %}
