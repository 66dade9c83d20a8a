{# Whether a segment of context is a file of a skill's folder that was read, its body apart. #}
{% macro is_skill_file(item_kind, component_name, file_path) -%}
    (
        {{ item_kind }} in ('tool_result', 'reference_file')
        and {{ component_name }} not in ('Edit', 'Write', 'MultiEdit')
        and {{ regex_matches(
            file_path, "'[/\\\\][.]claude[/\\\\](.*[/\\\\])?skills[/\\\\][^/\\\\]+[/\\\\]'"
        ) }}
    )
{%- endmacro %}

{# The skill in whose folder a file is; skills of a plugin are named after it. #}
{% macro skill_of_file(file_path) -%}
    coalesce(
        nullif(
            {{ regex_group(
                file_path, '[/\\\\]plugins[/\\\\]cache[/\\\\][^/\\\\]+[/\\\\]([^/\\\\]+)[/\\\\]'
            ) }},
            ''
        )
        || ':',
        ''
    )
    || {{ regex_group(file_path, '[/\\\\]skills[/\\\\]([^/\\\\]+)[/\\\\]') }}
{%- endmacro %}
