{# Whether a folder is one in which build servers check out projects. #}
{% macro is_on_build_server(path) -%}
    {{ regex_matches(
        "coalesce(" ~ path ~ ", '')",
        "'^(/home/runner/work|/Users/runner/work|/github/workspace|/__w|/builds?|/home/vsts/work"
            ~ "|/home/circleci|/var/lib/jenkins"
        ~ "|/bitbucket/pipelines|[A-Za-z]:.a)[/\\\\]|[/\\\\]actions-runner[/\\\\]_work[/\\\\]'"
    ) }}
{%- endmacro %}
