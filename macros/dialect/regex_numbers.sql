{# Every match of a regular expression replaced; both are quoted literals, `\1` stands for a group. #}
{% macro regex_replace_all(column, pattern, replacement) -%}
    {{ return(adapter.dispatch('regex_replace_all')(column, pattern, replacement)) }}
{%- endmacro %}
{% macro duckdb__regex_replace_all(column, pattern, replacement) -%}
    regexp_replace({{ column }}, {{ pattern }}, {{ replacement }}, 'g')
{%- endmacro %}
{% macro spark__regex_replace_all(column, pattern, replacement) -%}
    regexp_replace(
        {{ column }}, r{{ pattern | trim }},
        r{{ replacement | replace('\\1', '$1') | replace('\\2', '$2') | replace('\\3', '$3') }}
    )
{%- endmacro %}

{#
    The number that the group of a regular expression finds in a text; NULL for none or one too large to add.
#}
{% macro number_in(text, pattern) -%}
    case
        when length({{ regex_group(text, pattern) }}) <= 15
            then try_cast({{ regex_group(text, pattern) }} as bigint)
    end
{%- endmacro %}

{# Text that is a number, as a double; NULL for other text or one too large to add as a whole number. #}
{% macro number_of(text) -%}
    case when try_cast({{ text }} as double) < 1e12 then try_cast({{ text }} as double) end
{%- endmacro %}

{# The numbers in a pattern's first group, added up over all matches; NULL where there is none. #}
{% macro regex_sum(column, pattern) -%}
    {{ return(adapter.dispatch('regex_sum')(column, pattern)) }}
{%- endmacro %}
{% macro duckdb__regex_sum(column, pattern) -%}
    list_sum(
        list_transform(
            regexp_extract_all({{ column }}, {{ pattern }}, 1), lambda number: {{ number_of('number') }}
        )
    )
{%- endmacro %}
{% macro spark__regex_sum(column, pattern) -%}
    (
        select sum({{ number_of('number') }})
        from (select explode(regexp_extract_all({{ column }}, r{{ pattern | trim }}, 1)) as number)
    )
{%- endmacro %}

{# The number in a pattern's first group at its last match; NULL where there is none. #}
{% macro regex_last_number(column, pattern) -%}
    {{ return(adapter.dispatch('regex_last_number')(column, pattern)) }}
{%- endmacro %}
{% macro duckdb__regex_last_number(column, pattern) -%}
    list_last(
        list_transform(
            regexp_extract_all({{ column }}, {{ pattern }}, 1), lambda number: {{ number_of('number') }}
        )
    )
{%- endmacro %}
{% macro spark__regex_last_number(column, pattern) -%}
    element_at(
        transform(
            regexp_extract_all({{ column }}, r{{ pattern | trim }}, 1), number -> {{ number_of('number') }}
        ),
        -1
    )
{%- endmacro %}

{# The number of matches of a pattern; NULL where there are none. #}
{% macro regex_count(column, pattern) -%}
    {{ return(adapter.dispatch('regex_count')(column, pattern)) }}
{%- endmacro %}
{% macro duckdb__regex_count(column, pattern) -%}
    nullif(cast(len(regexp_extract_all({{ column }}, {{ pattern }}, 1)) as double), 0)
{%- endmacro %}
{% macro spark__regex_count(column, pattern) -%}
    nullif(cast(size(regexp_extract_all({{ column }}, r{{ pattern | trim }}, 1)) as double), 0)
{%- endmacro %}

{# The first matches of a pattern's first group, each up to 300 characters, as a list. #}
{% macro regex_texts(column, pattern, most=20) -%}
    {{ return(adapter.dispatch('regex_texts')(column, pattern, most)) }}
{%- endmacro %}
{% macro duckdb__regex_texts(column, pattern, most) -%}
    list_transform(
        regexp_extract_all({{ column }}, {{ pattern }}, 1)[1:{{ most }}], lambda found: trim(left(found, 300))
    )
{%- endmacro %}
{% macro spark__regex_texts(column, pattern, most) -%}
    transform(
        slice(regexp_extract_all({{ column }}, r{{ pattern | trim }}, 1), 1, {{ most }}),
        found -> trim(left(found, 300))
    )
{%- endmacro %}

{# A list of texts as a JSON array in text; NULL where it is empty. #}
{% macro as_json_array(list) -%} {{ return(adapter.dispatch('as_json_array')(list)) }} {%- endmacro %}
{% macro duckdb__as_json_array(list) -%} nullif(cast(to_json({{ list }}) as varchar), '[]') {%- endmacro %}
{% macro spark__as_json_array(list) -%} nullif(to_json({{ list }}), '[]') {%- endmacro %}

{# A list of expressions. #}
{% macro list_of(expressions) -%} {{ return(adapter.dispatch('list_of')(expressions)) }} {%- endmacro %}
{% macro duckdb__list_of(expressions) -%} [{{ expressions | join(', ') }}] {%- endmacro %}
{% macro spark__list_of(expressions) -%} array({{ expressions | join(', ') }}) {%- endmacro %}

{# A text split at a one-character separator, as a list. #}
{% macro split_text(column, separator) -%}
    {{ return(adapter.dispatch('split_text')(column, separator)) }}
{%- endmacro %}
{% macro duckdb__split_text(column, separator) -%} string_split({{ column }}, {{ separator }}) {%- endmacro %}
{% macro spark__split_text(column, separator) -%} split({{ column }}, {{ separator }}) {%- endmacro %}
