{#
    A path as a command or a tool gave it, made absolute by the folder it was given in, without a leading `./`, in the
    spelling that stands for the file.
#}
{% macro absolute_path(path, folder) -%}
    {{ path_identity(
        "case when " ~ regex_matches(path, "'^(/|~|[A-Za-z]:|[a-z]+://)'") ~ " then " ~ path
        ~ " else concat(rtrim(" ~ folder ~ ", '/'), '/', " ~ regex_remove(path, '^[.]/+') ~ ") end"
    ) }}
{%- endmacro %}

{# A word of a shell command without its quotes; NULL where it is empty. #}
{% macro unquoted(word) -%} nullif(trim({{ word }}, '"'' '), '') {%- endmacro %}
