{#
    The rows of a relation, once per element of a list column, with the element and its position (from 1).
    Used as a derived table: `from {{ explode('lines', 'blocks', 'block', 'block_number') }} as exploded`.
#}
{% macro explode(relation, list, element, position) -%}
    (
        select *, unnest({{ list }}) as {{ element }}, generate_subscripts({{ list }}, 1) as {{ position }}
        from {{ relation }}
    )
{%- endmacro %}

{# The texts in a JSON body (a string or a list of content blocks), joined by newlines; NULL for none. #}
{% macro json_texts(column) -%}
    case
        when left({{ column }}, 1) = '['
            then nullif(array_to_string(json_extract_string({{ column }}, '$[*].text'), chr(10)), '')
        when left({{ column }}, 1) = '"' then json_extract_string({{ column }}, '$')
    end
{%- endmacro %}

{# How many lines of a structured patch start with a sign (`+` added, `-` deleted). #}
{% macro patch_line_count(patch, sign) -%}
    len(list_filter(
        flatten(list_transform({{ patch }}, lambda hunk: hunk.lines)),
        lambda line: starts_with(line, '{{ sign }}')
    ))
{%- endmacro %}

{# The distinct values of a text column in alphabetical order, as one text. #}
{% macro distinct_texts(column, separator=', ') -%}
    string_agg(distinct {{ column }}, '{{ separator }}' order by {{ column }})
{%- endmacro %}

{# The distinct values of a text column in alphabetical order, as the JSON text of a list. #}
{% macro text_list_json(column) -%}
    cast(to_json(list(distinct {{ column }} order by {{ column }})) as varchar)
{%- endmacro %}

{# The words of a text as a list: sequences of file name characters with a minimum length. #}
{% macro file_words(column, characters=2) -%}
    list_distinct(regexp_extract_all(
        {{ column }}, '[A-Za-z0-9_][A-Za-z0-9_.-]{{ '{' }}{{ (characters | int) - 2 }},}[A-Za-z0-9_]'
    ))
{%- endmacro %}

{# The number of words in a text: sequences without white space. #}
{% macro word_count(column) -%} len(regexp_extract_all({{ column }}, '[^[:space:]]+')) {%- endmacro %}

{# One field of each struct in a list, as a list. #}
{% macro list_field(list, field) -%}
    list_transform({{ list }}, lambda entry: entry.{{ field }})
{%- endmacro %}

{# The values of a text column in a given order, as the JSON text of a list; NULL values are left out. #}
{% macro ordered_list_json(column, ordering) -%}
    cast(
        to_json(
            coalesce(list({{ column }} order by {{ ordering }}) filter (where {{ column }} is not null), [])
        ) as varchar
    )
{%- endmacro %}

{# The sum of one field over the structs of a list; NULL where there is no list. #}
{% macro list_field_sum(list, field) -%}
    cast(list_sum(list_transform({{ list }}, lambda entry: entry.{{ field }})) as bigint)
{%- endmacro %}

{# The lists of several rows as one list. #}
{% macro merged_lists(column) -%} flatten(list({{ column }} order by {{ column }})) {%- endmacro %}

{# A list without one of its values. #}
{% macro list_without(list, value) -%}
    list_filter({{ list }}, lambda item: item is distinct from {{ value }})
{%- endmacro %}
