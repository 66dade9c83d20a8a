{# Whether a path ends in a known name of a file without an extension. #}
{% macro is_known_file_name(path) -%}
    {{ regex_matches(
        path,
        "'^(?:.*/)?(?i:dockerfile|makefile|rakefile|gemfile|justfile|jenkinsfile|license|readme|changelog)$'"
    ) }}
{%- endmacro %}
