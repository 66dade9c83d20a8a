{# Whether a path ends in one of the names that files without an extension have. #}
{% macro is_known_file_name(path) -%}
    {{ regex_matches(
        path,
        "'^(?:.*/)?(?i:dockerfile|makefile|rakefile|gemfile|justfile|jenkinsfile|license|readme|changelog)$'"
    ) }}
{%- endmacro %}
