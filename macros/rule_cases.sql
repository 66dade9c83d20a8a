{#
    A seed of rules as one CASE: the value of the first rule (by rule_order) whose condition is true.
    `condition` is an expression in which `{pattern}` stands for the rule's pattern as a quoted literal. Not a
    join: DuckDB compiles a pattern in a column once per row, which is forty times slower. A condition that
    needs further columns of the rule names them as `{column}`. The model itself declares `-- depends_on:
    ref(seed)`.
#}
{% macro rule_cases(seed, conditions, value_column, otherwise='null') -%}
    {%- if execute -%}
    {%- set rules = seed_rows(seed) -%}
    case
        {%- for rule in rules %}
        {%- set kind = rule.get('source', 'text') %}
        {%- set condition = conditions[kind].replace('{pattern}', quoted_text(rule['pattern'])) %}
        when {{ condition -}}
        {%- if rule.get('tool_pattern') %}
            and {{ conditions['tool'].replace('{pattern}', quoted_text(rule['tool_pattern'])) }}
        {%- endif %} then
            {%- if rule[value_column] is number %} {{ rule[value_column] }}
            {%- else %} {{ quoted_text(rule[value_column]) }}
            {%- endif %}
        {%- endfor %}
        else {{ otherwise }}
    end
    {%- else -%}
    null
    {%- endif -%}
{%- endmacro %}

{# A text as an SQL literal. #}
{% macro quoted_text(text) -%} '{{ text | string | replace("'", "''") }}' {%- endmacro %}
