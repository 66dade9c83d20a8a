{#
    The rows of a seed of rules, in their order, as dictionaries: read from its file, so that models compile
    before any seed is loaded, and a unit test of a model works with the real rules. The model itself says
    `-- depends_on: ref(seed)`.
#}
{% macro seed_rows(seed) -%}
    {{ return(plugin('seed_rows', {'seed': seed}).rows | sort(attribute='rule_order')) }}
{%- endmacro %}
