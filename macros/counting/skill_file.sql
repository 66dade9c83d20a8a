{# Whether a context segment is a file read from a skill's folder, other than the skill's body. #}
{% macro is_skill_file(item_kind, component_name, file_path) -%}
    (
        {{ item_kind }} in ('tool_result', 'reference_file')
        and {{ component_name }} not in ('Edit', 'Write', 'MultiEdit')
        and {{ regex_matches(
            file_path, "'[/\\\\][.]claude[/\\\\](.*[/\\\\])?skills[/\\\\][^/\\\\]+[/\\\\]'"
        ) }}
    )
{%- endmacro %}

{# The skill whose folder contains a file; skills of a plugin are named after the plugin. #}
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
