{#
    A seed of rules over columns as one CASE: the value of the first rule (by rule_order) whose `condition` is
    true. The conditions are SQL over the columns of the relation that the model reads; those of rule_cases
    are patterns over texts. The model itself declares `-- depends_on: ref(seed)`.
#}
{% macro condition_cases(seed, value_column, otherwise='null') -%}
    {%- if execute -%}
    {%- set rules = seed_rows(seed) -%}
    case
        {%- for rule in rules %}
        when {{ rule['condition'] }}
            then {{ quoted_text(rule[value_column]) if rule[value_column] is not none else 'null' }}
        {%- endfor %}
        else {{ otherwise }}
    end
    {%- else -%}
    null
    {%- endif -%}
{%- endmacro %}
