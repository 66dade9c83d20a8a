{# A structured patch as the text of a diff: a header and the lines of each hunk. #}
{% macro patch_text(patch) -%} {{ return(adapter.dispatch('patch_text')(patch)) }} {%- endmacro %}
{% macro duckdb__patch_text(patch) -%}
    array_to_string(
        list_transform(
            {{ patch }},
            lambda hunk: concat(
                '@@ -', hunk.oldStart, ',', hunk.oldLines, ' +', hunk.newStart, ',', hunk.newLines, ' @@',
                chr(10),
                array_to_string(hunk.lines, chr(10))
            )
        ), chr(10)
    )
{%- endmacro %}
{% macro spark__patch_text(patch) -%}
    array_join(
        transform(
            {{ patch }},
            hunk -> concat(
                '@@ -', hunk.oldStart, ',', hunk.oldLines, ' +', hunk.newStart, ',', hunk.newLines, ' @@',
                chr(10),
                array_join(hunk.lines, chr(10))
            )
        ), chr(10)
    )
{%- endmacro %}

{#
    Characters in the lines of a structured patch that start with a sign, without the signs and line ends. The
    client writes each leading tab of a line as two spaces; if the file is known to have tabs, two leading
    spaces count as one character.
#}
{% macro patch_characters(patch, sign, has_tabs='false') -%}
    {{ return(adapter.dispatch('patch_characters')(patch, sign, has_tabs)) }}
{%- endmacro %}
{% macro duckdb__patch_characters(patch, sign, has_tabs) -%}
    coalesce(list_sum(list_transform(
        list_filter(
            flatten(list_transform({{ patch }}, lambda hunk: hunk.lines)),
            lambda line: starts_with(line, '{{ sign }}')
        ),
        lambda line:
            length(line) - 1
            - case
                when {{ has_tabs }} then (length(line) - 1 - length(ltrim(substr(line, 2), ' '))) // 2
                else 0
            end
    )), 0)
{%- endmacro %}
{% macro spark__patch_characters(patch, sign, has_tabs) -%}
    aggregate(
        filter(flatten(transform({{ patch }}, hunk -> hunk.lines)), line -> startswith(line, '{{ sign }}')),
        0,
        (total, line) ->
            total + length(line) - 1
            - case
                when {{ has_tabs }} then (length(line) - 1 - length(ltrim(substr(line, 2)))) div 2
                else 0
            end
    )
{%- endmacro %}

{# A timestamp moved back by some milliseconds. #}
{% macro ms_before(moment, milliseconds) -%}
    {{ return(adapter.dispatch('ms_before')(moment, milliseconds)) }}
{%- endmacro %}
{% macro duckdb__ms_before(moment, milliseconds) -%}
    ({{ moment }} - to_milliseconds(cast({{ milliseconds }} as bigint)))
{%- endmacro %}
{% macro spark__ms_before(moment, milliseconds) -%}
    timestamp_millis(unix_millis({{ moment }}) - cast({{ milliseconds }} as bigint))
{%- endmacro %}
