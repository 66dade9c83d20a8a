{#
    A path as a command or a tool gave it, made absolute by the folder it was given in, without a leading
    `./`, in the spelling that stands for the file.
#}
{% macro absolute_path(path, folder) -%}
    {{ path_identity(
        "case when " ~ regex_matches(path, "'^(/|~|[A-Za-z]:|[a-z]+://)'") ~ " then " ~ path
        ~ " else concat(rtrim(" ~ folder ~ ", '/'), '/', " ~ regex_remove(path, '^[.]/+') ~ ") end"
    ) }}
{%- endmacro %}

{# A word of a shell command without its quotes; NULL where it is empty. #}
{% macro unquoted(word) -%} nullif(trim({{ word }}, '"'' '), '') {%- endmacro %}

{#
    Where a walk from folder to folder ends: each step is a path as seen from the one before it, an absolute
    one begins anew and an empty one stays. `..` goes up, four times in a row at most.
#}
{% macro walked_path(steps) -%}
    {%- set joined = [] -%}
    {%- for step in steps %}{% do joined.append("nullif(rtrim(" ~ step ~ ", '/'), '')") %}{% endfor -%}
    {%- set whole = "concat_ws('/', " ~ joined | join(', ') ~ ")" -%}
    {%- set path = namespace(sql=path_identity(regex_replace_all(whole, "'^.*//'", "'/'"))) -%}
    {%- for _ in range(4) -%}
        {%- set step = "'/(?:[^/.]|[.][^/.]|[.][.][^/])[^/]*/[.][.](/|$)'" -%}
        {%- set path.sql = regex_replace_all(path.sql, step, "'\\1'") -%}
    {%- endfor -%}
    {{ path.sql }}
{%- endmacro %}

{# A path with the home folder written out where it begins with `~`. #}
{% macro home_path(path, home) -%}
    case
        when {{ path }} = '~' or {{ path }} like '~/%' then {{ home }} || substr({{ path }}, 2)
        else {{ path }}
    end
{%- endmacro %}
