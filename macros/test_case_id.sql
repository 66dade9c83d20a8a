{# The key of a test case: the same name in the same runner and project is the same test. #}
{% macro test_case_id(project_path, results) -%}
    {{ surrogate_key(
        ["coalesce(" ~ project_path ~ ", 'unknown')", results ~ '.check_name', results ~ '.test_name']
    ) }}
{%- endmacro %}
