{#
    Whether the scope of one check run includes the scope of another, judged by their commands and folders:
    the same command, one with a smaller selection, one without a target, a folder that contains the other's
    single target, or a script that ran the same check, in the same folder or one above it. Both relations
    have `command_shape` and `folder`; in the wider one, `name_column` is the check.
#}
{% macro covers_run(wide, narrow, name_column) -%}
    {#- The runner's own `test` is not a folder. -#}
    {%- set words = regex_remove(
        wide ~ '.command_shape',
        '^(?:bun|cargo|dart|deno|dotnet|flutter|forge|go|lein|make|mix|node|npm|playwright|pnpm|rails|rake'
            ~ '|swift|yarn|zig) test\\b'
    ) -%}
    starts_with({{ narrow }}.folder || '/', rtrim({{ wide }}.folder, '/') || '/') and (
        {{ wide }}.command_shape = {{ narrow }}.command_shape
        or starts_with({{ narrow }}.command_shape, {{ wide }}.command_shape || ' only:')
        or starts_with({{ narrow }}.command_shape, {{ wide }}.command_shape || ' not:')
        or (
            starts_with({{ narrow }}.command_shape, {{ wide }}.command_shape || ' ')
            and not regexp_matches({{ words }}, ' \S*[/.]\w| (src|tests?|spec|lib|app|packages)\b')
        )
        or (
            starts_with({{ narrow }}.command_shape, rtrim({{ wide }}.command_shape, '/') || '/')
            and not contains(substr({{ narrow }}.command_shape, length({{ wide }}.command_shape)), ' ')
        )
        or (
            starts_with({{ wide }}.command_shape, {{ wide }}.{{ name_column }} || ': ')
            and {{ wide }}.{{ name_column }} not like '%\_script' escape '\'
        )
    )
{%- endmacro %}
