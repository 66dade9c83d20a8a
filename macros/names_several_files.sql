{# Whether a path refers to several files, or is expanded by a shell: a pattern, a variable, a list. #}
{% macro names_several_files(path) -%} {{ regex_matches(path, "'[*?{}$`<>|]'") }} {%- endmacro %}
