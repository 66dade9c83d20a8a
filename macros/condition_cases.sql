{#
    A seed of rules over columns as one CASE: the value of the first rule (by rule_order) whose `condition` holds. The
    conditions are SQL over the columns of the relation that the model reads; those of rule_cases are patterns over texts.
    Reads the seed when the model runs; the model itself says `-- depends_on: ref(seed)`.
#}
{% macro condition_cases(seed, value_column, otherwise='null') -%}
    {%- if execute -%}
    {%- set rules = run_query('select rule_order, condition, cast(' ~ value_column ~ ' as varchar) as value from ' ~ ref(seed) ~ ' order by rule_order') -%}
    case
        {%- for rule in rules.rows %}
        when {{ rule['condition'] }} then {{ quoted_text(rule['value']) if rule['value'] is not none else 'null' }}
        {%- endfor %}
        else {{ otherwise }}
    end
    {%- else -%}
    null
    {%- endif -%}
{%- endmacro %}
