{#
    Whether a path stands for several files, or for what a shell puts in its place: a
    pattern, a variable, a list.
#}
{% macro names_several_files(path) -%} {{ regex_matches(path, "'[*?{}$`<>|]'") }} {%- endmacro %}
