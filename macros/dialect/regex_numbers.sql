{# Every match of a regular expression replaced; both are quoted literals, `\1` stands for a group. #}
{% macro regex_replace_all(column, pattern, replacement) -%}
    regexp_replace({{ column }}, {{ pattern }}, {{ replacement }}, 'g')
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
    list_sum(
        list_transform(
            regexp_extract_all({{ column }}, {{ pattern }}, 1), lambda number: {{ number_of('number') }}
        )
    )
{%- endmacro %}

{# The number in a pattern's first group at its last match; NULL where there is none. #}
{% macro regex_last_number(column, pattern) -%}
    list_last(
        list_transform(
            regexp_extract_all({{ column }}, {{ pattern }}, 1), lambda number: {{ number_of('number') }}
        )
    )
{%- endmacro %}

{# The number of matches of a pattern; NULL where there are none. #}
{% macro regex_count(column, pattern) -%}
    nullif(cast(len(regexp_extract_all({{ column }}, {{ pattern }}, 1)) as double), 0)
{%- endmacro %}

{# The first matches of a pattern's first group, each up to 300 characters, as a list. #}
{% macro regex_texts(column, pattern, most=20) -%}
    list_transform(
        regexp_extract_all({{ column }}, {{ pattern }}, 1)[1:{{ most }}], lambda found: trim(left(found, 300))
    )
{%- endmacro %}

{# A list of texts as a JSON array in text; NULL where it is empty. #}
{% macro as_json_array(list) -%} nullif(cast(to_json({{ list }}) as varchar), '[]') {%- endmacro %}
