{# A structured patch as the text of a diff: a header and the lines of each hunk. #}
{% macro patch_text(patch) -%}
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

{#
    Characters in the lines of a structured patch that start with a sign, without the signs and line ends. The
    client writes each leading tab of a line as two spaces; if the file is known to have tabs, two leading
    spaces count as one character.
#}
{% macro patch_characters(patch, sign, has_tabs='false') -%}
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

{# A timestamp moved back by some milliseconds. #}
{% macro ms_before(moment, milliseconds) -%}
    ({{ moment }} - to_milliseconds(cast({{ milliseconds }} as bigint)))
{%- endmacro %}
