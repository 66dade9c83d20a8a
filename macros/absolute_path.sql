{#
    A path from a command or a tool, made absolute relative to its folder, without a leading `./`, in the
    canonical spelling of the file.
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
    The end of a walk from folder to folder: each step is a path relative to the previous one; an absolute
    step starts over and an empty one stays. `..` goes up, at most four times in a row.
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

{# A path with a leading `~` replaced by the home folder. #}
{% macro home_path(path, home) -%}
    case
        when {{ path }} = '~' or {{ path }} like '~/%' then {{ home }} || substr({{ path }}, 2)
        else {{ path }}
    end
{%- endmacro %}
