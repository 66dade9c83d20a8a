{#
    The rows of a seed of rules, in their order, as dictionaries: read from its file, so that models compile before any seed is
    loaded, and a unit test of a model works with the real rules. The model itself says `-- depends_on: ref(seed)`.
#}
{% macro seed_rows(seed) -%}
    {%- set node = graph.nodes['seed.' ~ project_name ~ '.' ~ seed] -%}
    {%- set found = plugin('seed_rows', {
        'folder': node.root_path, 'path': node.original_file_path, 'types': node.config.column_types
    }) -%}
    {{ return(found.rows | sort(attribute='rule_order')) }}
{%- endmacro %}
