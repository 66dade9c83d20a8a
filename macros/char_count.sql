{#
    The original length of a text: a mark in place of removed text contains it,
    `[redacted:KIND:HASH](characters)`, or `(characters/bytes/characters as a JSON string)` where these
    differ. See ingest/privacy/marks.py.
#}
{% macro char_count(text) -%} {{ original_length('length(' ~ text ~ ')', text, 1) }} {%- endmacro %}

{# The same in UTF-8 bytes. #}
{% macro byte_count(text) -%} {{ original_length(byte_length(text), text, 2) }} {%- endmacro %}

{# The same for a JSON document, in whose strings some characters are escaped. #}
{% macro escaped_char_count(text) -%} {{ original_length('length(' ~ text ~ ')', text, 3) }} {%- endmacro %}

{# `which` of the lengths in a mark; a mark with a single length uses it for all three. #}
{% macro original_length(measured, text, which) -%}
    {%- set number = '(\\d{1,9})' -%}
    {%- set mark = '\\[redacted:[a-z0-9_]+(?::[0-9a-f]{8})?\\]' -%}
    {%- set pattern = "'" ~ mark ~ '\\(' ~ number ~ '(?:/' ~ number ~ '/' ~ number ~ ")?\\)'" -%}
    case
        when contains({{ text }}, '[redacted:')
            then {{ measured }} + cast(coalesce(list_sum(list_transform(
                regexp_extract_all({{ text }}, {{ pattern }}),
                lambda mark: coalesce(
                    try_cast(regexp_extract(mark, {{ pattern }}, {{ which }}) as bigint),
                    cast(regexp_extract(mark, {{ pattern }}, 1) as bigint)
                ) - length(mark)
            )), 0) as bigint)
        else {{ measured }}
    end
{%- endmacro %}
