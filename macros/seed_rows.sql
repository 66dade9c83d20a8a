{#
    The rows of a seed of rules, in order, as dictionaries: read from the file, so that models compile before
    seeds are loaded and unit tests use the real rules. The model declares `-- depends_on: ref(seed)`.
#}
{% macro seed_rows(seed) -%}
    {{ return(plugin('seed_rows', {'seed': seed}).rows | sort(attribute='rule_order')) }}
{%- endmacro %}
