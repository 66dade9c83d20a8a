{#
    What the seed `check_rules` says as SQL, for `int_check_run`: patterns become constants, since an engine compiles a pattern
    that is a column once per row, forty times dearer. The seed is read from its table when the model runs, by the name it has
    in the warehouse and not by ref(), so that a unit test of the model works with the real rules; the model itself says
    `-- depends_on: ref('check_rules')`.
#}
{% macro check_rule_rows(rule_types) -%}
    {%- set relation = api.Relation.create(database=target.database, schema=generate_schema_name('seeds', none), identifier='check_rules') -%}
    {%- set types = "'" ~ rule_types | join("', '") ~ "'" -%}
    {%- set found = run_query(
        'select rule_order, rule_name, check_name, rule_type, method, pattern from ' ~ relation
        ~ ' where rule_type in (' ~ types ~ ') order by rule_order'
    ) -%}
    {{ return(found.rows) }}
{%- endmacro %}

{# The rule_order of the first command rule that fits one simple command; NULL where none does. #}
{% macro check_command_rule(column) -%}
    {%- if execute -%}
    case
        {%- for rule in check_rule_rows(['command']) %}
        when {{ regex_matches(column, quoted_text(rule['pattern'])) }} then {{ rule['rule_order'] }}
        {%- endfor %}
    end
    {%- else -%} null {%- endif -%}
{%- endmacro %}

{# The rule_orders of all output rules that fit a text, as a list with NULLs in between. #}
{% macro check_output_rules(column) -%}
    {%- if execute -%}
    {%- set cases = [] -%}
    {%- for rule in check_rule_rows(['output']) -%}
        {%- do cases.append('case when ' ~ regex_matches(column, quoted_text(rule['pattern'])) ~ ' then ' ~ rule['rule_order'] ~ ' end') -%}
    {%- endfor -%}
    {{ list_of(cases) }}
    {%- else -%} {{ list_of(['null']) }} {%- endif -%}
{%- endmacro %}

{#
    A measure of a check's output. The first rule of the check that finds anything gives the number; rules with method `plus`
    add theirs to it. NULL where no rule finds anything.
#}
{% macro check_measure(measure, name_column, column) -%}
    {%- if execute -%}
    {%- set checks = {} -%}
    {%- for rule in check_rule_rows([measure]) -%}
        {%- set pattern = quoted_text(rule['pattern']) -%}
        {%- set number -%}
            {%- if rule['method'] == 'count' -%} {{ regex_count(column, pattern) }}
            {%- elif rule['method'] == 'last' -%} {{ regex_last_number(column, pattern) }}
            {%- elif rule['method'] == 'word' -%} case when {{ regex_matches(column, pattern) }} then 1 end
            {%- else -%} {{ regex_sum(column, pattern) }}
            {%- endif -%}
        {%- endset -%}
        {%- set numbers = checks.setdefault(rule['check_name'], {'first': [], 'plus': []}) -%}
        {%- do numbers['plus' if rule['method'] == 'plus' else 'first'].append(number) -%}
    {%- endfor -%}
    case {{ name_column }}
        {%- for name, numbers in checks.items() %}
        when '{{ name }}' then
            {%- set first = 'coalesce(' ~ numbers['first'] | join(', ') ~ ')' %}
            {%- if numbers['plus'] %}
            case
                when coalesce({{ ([first] + numbers['plus']) | join(', ') }}) is not null
                    then coalesce({{ first }}, 0){% for number in numbers['plus'] %} + coalesce({{ number }}, 0){% endfor %}
            end
            {%- else %} {{ first }}
            {%- endif %}
        {%- endfor %}
    end
    {%- else -%} cast(null as double) {%- endif -%}
{%- endmacro %}

{# The name of the first rule of the check, of these measures, that finds anything in the output. #}
{% macro check_measure_rule(measures, name_column, column) -%}
    {%- if execute -%}
    {%- set checks = {} -%}
    {%- for rule in check_rule_rows(measures) -%}
        {%- do checks.setdefault(rule['check_name'], []).append(rule) -%}
    {%- endfor -%}
    case {{ name_column }}
        {%- for name, rules in checks.items() %}
        when '{{ name }}' then case
            {%- for rule in rules %}
            when {{ regex_matches(column, quoted_text(rule['pattern'])) }} then '{{ rule['rule_name'] }}'
            {%- endfor %}
        end
        {%- endfor %}
    end
    {%- else -%} cast(null as varchar) {%- endif -%}
{%- endmacro %}

{# Whether a text says that the command was never there to run. #}
{% macro check_not_run(column) -%}
    {%- if execute -%}
    ({% for rule in check_rule_rows(['not_run']) %}{{ regex_matches(column, quoted_text(rule['pattern'])) }}{{ ' or ' if not loop.last }}{% endfor %})
    {%- else -%} false {%- endif -%}
{%- endmacro %}
