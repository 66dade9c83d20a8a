{# Whether a path is a folder or is inside it, on Windows too. #}
{% macro is_in_folder(path, folder) -%}
    starts_with(
        replace({{ path }}, chr(92), '/') || '/', rtrim(replace({{ folder }}, chr(92), '/'), '/') || '/'
    )
{%- endmacro %}
