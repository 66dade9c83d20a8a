{# A text without everything that a regular expression matches. #}
{% macro regex_remove(column, pattern) -%}
    {{ return(adapter.dispatch('regex_remove')(column, pattern)) }}
{%- endmacro %}
{% macro duckdb__regex_remove(column, pattern) -%}
    regexp_replace({{ column }}, '{{ pattern }}', '', 'g')
{%- endmacro %}
{% macro spark__regex_remove(column, pattern) -%}
    regexp_replace({{ column }}, r'{{ pattern }}', '')
{%- endmacro %}

{# The same at the beginning of every line. #}
{% macro regex_remove_per_line(column, pattern) -%}
    {{ return(adapter.dispatch('regex_remove_per_line')(column, pattern)) }}
{%- endmacro %}
{% macro duckdb__regex_remove_per_line(column, pattern) -%}
    regexp_replace({{ column }}, '(?m){{ pattern }}', '', 'g')
{%- endmacro %}
{% macro spark__regex_remove_per_line(column, pattern) -%}
    regexp_replace({{ column }}, r'(?m){{ pattern }}', '')
{%- endmacro %}

{# The first `count` lines of a text as a list. #}
{% macro first_lines(column, count) -%}
    {{ return(adapter.dispatch('first_lines')(column, count)) }}
{%- endmacro %}
{% macro duckdb__first_lines(column, count) -%}
    list_slice(string_split({{ column }}, chr(10)), 1, {{ count }})
{%- endmacro %}
{% macro spark__first_lines(column, count) -%}
    slice(split({{ column }}, '\n'), 1, {{ count }})
{%- endmacro %}

{# The first `count` elements of a list. #}
{% macro first_elements(column, count) -%}
    {{ return(adapter.dispatch('first_elements')(column, count)) }}
{%- endmacro %}
{% macro duckdb__first_elements(column, count) -%} list_slice({{ column }}, 1, {{ count }}) {%- endmacro %}
{% macro spark__first_elements(column, count) -%} slice({{ column }}, 1, {{ count }}) {%- endmacro %}

{# The texts of several rows joined in an order. #}
{% macro joined_texts(column, order_by, separator='\n') -%}
    {{ return(adapter.dispatch('joined_texts')(column, order_by, separator)) }}
{%- endmacro %}
{% macro duckdb__joined_texts(column, order_by, separator) -%}
    string_agg(
        {{ column }}, {{ 'chr(10)' if separator == '\n' else quoted_text(separator) }} order by {{ order_by }}
    )
{%- endmacro %}
{% macro spark__joined_texts(column, order_by, separator) -%}
    array_join(
        transform(
            array_sort(collect_list(struct({{ order_by }} as position, {{ column }} as part))), x -> x.part
        ),
        '{{ separator }}'
    )
{%- endmacro %}

{# All words of a text as a list: runs of letters and digits. #}
{% macro words_of(column) -%} {{ return(adapter.dispatch('words_of')(column)) }} {%- endmacro %}
{% macro duckdb__words_of(column) -%} regexp_extract_all({{ column }}, '[\p{L}0-9_]+') {%- endmacro %}
{% macro spark__words_of(column) -%} regexp_extract_all({{ column }}, r'([\p{L}0-9_]+)', 1) {%- endmacro %}

{# The parts of a name: `parseHTTPHeader`, `parse_http_header` → parse, HTTP, Header. #}
{% macro word_parts(column) -%} {{ return(adapter.dispatch('word_parts')(column)) }} {%- endmacro %}
{% macro duckdb__word_parts(column) -%}
    regexp_extract_all({{ column }}, '\p{Lu}+[\p{Ll}0-9]*|[\p{Ll}\p{Lo}0-9]+')
{%- endmacro %}
{% macro spark__word_parts(column) -%}
    regexp_extract_all({{ column }}, r'(\p{Lu}+[\p{Ll}0-9]*|[\p{Ll}\p{Lo}0-9]+)', 0)
{%- endmacro %}

{# A whole number with commas between the thousands, as text. #}
{% macro grouped_number(column) -%} {{ return(adapter.dispatch('grouped_number')(column)) }} {%- endmacro %}
{% macro duckdb__grouped_number(column) -%}
    format('{:,}', cast(round({{ column }}) as bigint))
{%- endmacro %}
{% macro spark__grouped_number(column) -%} format_number(round({{ column }}), 0) {%- endmacro %}

{# US dollars with cents as text. #}
{% macro dollars_text(column) -%} {{ return(adapter.dispatch('dollars_text')(column)) }} {%- endmacro %}
{% macro duckdb__dollars_text(column) -%} format('${:,.2f}', cast({{ column }} as double)) {%- endmacro %}
{% macro spark__dollars_text(column) -%} concat('$', format_number({{ column }}, 2)) {%- endmacro %}
{# A text with every occurrence of another text replaced, if it occurs as a whole word or words. #}
{% macro replace_whole(column, found, replacement) -%}
    {{ return(adapter.dispatch('replace_whole')(column, found, replacement)) }}
{%- endmacro %}
{% macro duckdb__replace_whole(column, found, replacement) -%}
    regexp_replace(
        {{ column }}, '(^|[^A-Za-z0-9_])' || regexp_escape({{ found }}) || '($|[^A-Za-z0-9_])',
        '\1{{ replacement }}\2', 'g'
    )
{%- endmacro %}
{% macro spark__replace_whole(column, found, replacement) -%}
    regexp_replace(
        {{ column }}, concat('(?<![A-Za-z0-9_])\\Q', {{ found }}, '\\E(?![A-Za-z0-9_])'),
        '\\{{ replacement }}'
    )
{%- endmacro %}

{# The first and the last elements of a list; no element twice. #}
{% macro first_and_last(list, first, last) -%}
    {{ return(adapter.dispatch('first_and_last')(list, first, last)) }}
{%- endmacro %}
{% macro duckdb__first_and_last(list, first, last) -%}
    list_concat(
        list_slice({{ list }}, 1, {{ first }}),
        list_slice({{ list }}, greatest({{ first }} + 1, len({{ list }}) - {{ last }} + 1), len({{ list }}))
    )
{%- endmacro %}
{% macro spark__first_and_last(list, first, last) -%}
    concat(
        slice({{ list }}, 1, {{ first }}),
        slice({{ list }}, greatest({{ first }} + 1, size({{ list }}) - {{ last }} + 1), {{ last }})
    )
{%- endmacro %}

{# Length of a text in bytes of UTF-8. #}
{% macro byte_length(column) -%} {{ return(adapter.dispatch('byte_length')(column)) }} {%- endmacro %}
{% macro duckdb__byte_length(column) -%} cast(strlen({{ column }}) as bigint) {%- endmacro %}
{% macro spark__byte_length(column) -%} cast(octet_length({{ column }}) as bigint) {%- endmacro %}
