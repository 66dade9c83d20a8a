{# A path relative to the root of its checkout (a worktree has its own copies); NULL outside the project. #}
{% macro path_in_checkout(path, project) -%}
    case
        when {{ regex_matches(path, "'^.*worktrees/[^/]+/'") }}
            then {{ regex_group(path, '^.*worktrees/[^/]+/(.*)$') }}
        when starts_with({{ path }}, {{ project }} || '/') then substr({{ path }}, length({{ project }}) + 2)
    end
{%- endmacro %}
