{# The type of component at a path: skill, agent, command or reference_file; NULL for other files. #}
{% macro path_component_type(column) -%}
    case
        when regexp_matches({{ column }}, '(^|[/\\])skills[/\\][^/\\]+[/\\]') then 'skill'
        when regexp_matches({{ column }}, '(^|[/\\])agents[/\\][^/\\]+[.]md$') then 'agent'
        when regexp_matches({{ column }}, '(^|[/\\])commands[/\\].+[.]md$') then 'command'
        when regexp_matches({{ column }}, '(^|[/\\])(CLAUDE|CLAUDE[.]local|AGENTS|GEMINI)[.]md$')
            then 'reference_file'
    end
{%- endmacro %}

{# Name of that component, as used by the client. #}
{% macro path_component_name(column) -%}
    case
        when regexp_matches({{ column }}, '(^|[/\\])skills[/\\][^/\\]+[/\\]')
            then {{ regex_group(column, '(?:^|[/\\\\])skills[/\\\\]([^/\\\\]+)[/\\\\]') }}
        when regexp_matches({{ column }}, '(^|[/\\])agents[/\\][^/\\]+[.]md$')
            then {{ regex_group(column, '(?:^|[/\\\\])agents[/\\\\]([^/\\\\]+)[.]md$') }}
        when regexp_matches({{ column }}, '(^|[/\\])commands[/\\].+[.]md$')
            then replace(
                replace({{ regex_group(column, '(?:^|[/\\\\])commands[/\\\\](.+)[.]md$') }}, '/', ':'),
                chr(92), ':'
            )
        when regexp_matches({{ column }}, '(^|[/\\])(CLAUDE|CLAUDE[.]local|AGENTS|GEMINI)[.]md$')
            then {{ column }}
    end
{%- endmacro %}

{# The plugin version in a path (…/plugins/cache/<marketplace>/<plugin>/<version>/…); NULL elsewhere. #}
{% macro plugin_path_version(column) -%}
    nullif(
        nullif(
            {{ regex_group(
                column,
                '[/\\\\][.]?plugins[/\\\\]cache[/\\\\][^/\\\\]+[/\\\\][^/\\\\]+[/\\\\]([^/\\\\]+)[/\\\\]'
            ) }},
            ''
        ),
        'unknown'
    )
{%- endmacro %}
