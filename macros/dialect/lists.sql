{#
    The rows of a relation, once per element of a list column, with the element and its position (from 1).
    Used as a derived table: `from {{ explode('lines', 'blocks', 'block', 'block_number') }} as exploded`.
#}
{% macro explode(relation, list, element, position) -%}
    {{ return(adapter.dispatch('explode')(relation, list, element, position)) }}
{%- endmacro %}
{% macro duckdb__explode(relation, list, element, position) -%}
    (
        select *, unnest({{ list }}) as {{ element }}, generate_subscripts({{ list }}, 1) as {{ position }}
        from {{ relation }}
    )
{%- endmacro %}
{% macro spark__explode(relation, list, element, position) -%}
    (select relation.*, exploded.pos + 1 as {{ position }}, exploded.col as {{ element }}
    from {{ relation }} as relation lateral view posexplode({{ list }}) exploded as pos, col)
{%- endmacro %}

{# The texts in a JSON body (a string or a list of content blocks), joined by newlines; NULL for none. #}
{% macro json_texts(column) -%} {{ return(adapter.dispatch('json_texts')(column)) }} {%- endmacro %}
{% macro duckdb__json_texts(column) -%}
    case
        when left({{ column }}, 1) = '['
            then nullif(array_to_string(json_extract_string({{ column }}, '$[*].text'), chr(10)), '')
        when left({{ column }}, 1) = '"' then json_extract_string({{ column }}, '$')
    end
{%- endmacro %}
{% macro spark__json_texts(column) -%}
    case
        when left({{ column }}, 1) = '['
            then array_join(
                transform(from_json({{ column }}, 'array<struct<text:string>>'), x -> x.text), chr(10)
            )
        when left({{ column }}, 1) = '"' then from_json(concat('[', {{ column }}, ']'), 'array<string>')[0]
    end
{%- endmacro %}

{# How many lines of a structured patch start with a sign (`+` added, `-` deleted). #}
{% macro patch_line_count(patch, sign) -%}
    {{ return(adapter.dispatch('patch_line_count')(patch, sign)) }}
{%- endmacro %}
{% macro duckdb__patch_line_count(patch, sign) -%}
    len(list_filter(
        flatten(list_transform({{ patch }}, lambda hunk: hunk.lines)),
        lambda line: starts_with(line, '{{ sign }}')
    ))
{%- endmacro %}
{% macro spark__patch_line_count(patch, sign) -%}
    size(filter(flatten(transform({{ patch }}, hunk -> hunk.lines)), line -> startswith(line, '{{ sign }}')))
{%- endmacro %}

{# The distinct values of a text column in alphabetical order, as one text. #}
{% macro distinct_texts(column, separator=', ') -%}
    {{ return(adapter.dispatch('distinct_texts')(column, separator)) }}
{%- endmacro %}
{% macro duckdb__distinct_texts(column, separator) -%}
    string_agg(distinct {{ column }}, '{{ separator }}' order by {{ column }})
{%- endmacro %}
{% macro spark__distinct_texts(column, separator) -%}
    array_join(array_sort(collect_set({{ column }})), '{{ separator }}')
{%- endmacro %}

{# The first element of a list; NULL where there is none. #}
{% macro first_element(list) -%} {{ return(adapter.dispatch('first_element')(list)) }} {%- endmacro %}
{% macro duckdb__first_element(list) -%} {{ list }}[1] {%- endmacro %}
{% macro spark__first_element(list) -%} try_element_at({{ list }}, 1) {%- endmacro %}

{# The distinct values of a text column in alphabetical order, as the JSON text of a list. #}
{% macro text_list_json(column) -%} {{ return(adapter.dispatch('text_list_json')(column)) }} {%- endmacro %}
{% macro duckdb__text_list_json(column) -%}
    cast(to_json(list(distinct {{ column }} order by {{ column }})) as varchar)
{%- endmacro %}
{% macro spark__text_list_json(column) -%} to_json(array_sort(collect_set({{ column }}))) {%- endmacro %}

{# The words of a text as a list: sequences of file name characters with a minimum length. #}
{% macro file_words(column, characters=2) -%}
    {{ return(adapter.dispatch('file_words')(column, characters)) }}
{%- endmacro %}
{% macro duckdb__file_words(column, characters) -%}
    list_distinct(regexp_extract_all(
        {{ column }}, '[A-Za-z0-9_][A-Za-z0-9_.-]{{ '{' }}{{ (characters | int) - 2 }},}[A-Za-z0-9_]'
    ))
{%- endmacro %}
{% macro spark__file_words(column, characters) -%}
    array_distinct(regexp_extract_all(
        {{ column }}, r'([A-Za-z0-9_][A-Za-z0-9_.-]{{ '{' }}{{ (characters | int) - 2 }},}[A-Za-z0-9_])', 1
    ))
{%- endmacro %}

{# The number of words in a text: sequences without white space. #}
{% macro word_count(column) -%} {{ return(adapter.dispatch('word_count')(column)) }} {%- endmacro %}
{% macro duckdb__word_count(column) -%} len(regexp_extract_all({{ column }}, '[^[:space:]]+')) {%- endmacro %}
{% macro spark__word_count(column) -%} size(regexp_extract_all({{ column }}, r'(\S+)', 1)) {%- endmacro %}
{# One field of each struct in a list, as a list. #}
{% macro list_field(list, field) -%} {{ return(adapter.dispatch('list_field')(list, field)) }} {%- endmacro %}
{% macro duckdb__list_field(list, field) -%}
    list_transform({{ list }}, lambda entry: entry.{{ field }})
{%- endmacro %}
{% macro spark__list_field(list, field) -%} transform({{ list }}, entry -> entry.{{ field }}) {%- endmacro %}

{# The values of a text column in a given order, as the JSON text of a list; NULL values are left out. #}
{% macro ordered_list_json(column, ordering) -%}
    {{ return(adapter.dispatch('ordered_list_json')(column, ordering)) }}
{%- endmacro %}
{% macro duckdb__ordered_list_json(column, ordering) -%}
    cast(
        to_json(
            coalesce(list({{ column }} order by {{ ordering }}) filter (where {{ column }} is not null), [])
        ) as varchar
    )
{%- endmacro %}
{% macro spark__ordered_list_json(column, ordering) -%}
    to_json(
        transform(
            array_sort(
                collect_list(
                    case
                        when {{ column }} is not null
                            then struct({{ ordering }} as position, {{ column }} as value)
                    end
                )
            ),
            entry -> entry.value
        )
    )
{%- endmacro %}

{# The sum of one field over the structs of a list; NULL where there is no list. #}
{% macro list_field_sum(list, field) -%}
    {{ return(adapter.dispatch('list_field_sum')(list, field)) }}
{%- endmacro %}
{% macro duckdb__list_field_sum(list, field) -%}
    cast(list_sum(list_transform({{ list }}, lambda entry: entry.{{ field }})) as bigint)
{%- endmacro %}
{% macro spark__list_field_sum(list, field) -%}
    aggregate({{ list }}, cast(0 as bigint), (total, entry) -> total + coalesce(entry.{{ field }}, 0))
{%- endmacro %}

{# The lists of several rows as one list. #}
{% macro merged_lists(column) -%} {{ return(adapter.dispatch('merged_lists')(column)) }} {%- endmacro %}
{% macro duckdb__merged_lists(column) -%} flatten(list({{ column }} order by {{ column }})) {%- endmacro %}
{% macro spark__merged_lists(column) -%} flatten(array_sort(collect_list({{ column }}))) {%- endmacro %}

{# Several lists as one. #}
{% macro joined_lists(lists) -%} {{ return(adapter.dispatch('joined_lists')(lists)) }} {%- endmacro %}
{% macro duckdb__joined_lists(lists) -%} flatten([{{ lists | join(', ') }}]) {%- endmacro %}
{% macro spark__joined_lists(lists) -%} flatten(array({{ lists | join(', ') }})) {%- endmacro %}

{# A list without one of its values. #}
{% macro list_without(list, value) -%}
    {{ return(adapter.dispatch('list_without')(list, value)) }}
{%- endmacro %}
{% macro duckdb__list_without(list, value) -%}
    list_filter({{ list }}, lambda item: item is distinct from {{ value }})
{%- endmacro %}
{% macro spark__list_without(list, value) -%} array_except({{ list }}, array({{ value }})) {%- endmacro %}
