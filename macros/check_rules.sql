{#
    The rules of the seed `check_rules` as SQL, for the models that find and read checks: patterns become
    constants, since DuckDB compiles a pattern in a column once per row, which is forty times slower. Such
    a model declares `-- depends_on: ref('check_rules')`.
#}
{% macro check_rule_rows(rule_types) -%}
    {{ return(seed_rows('check_rules') | selectattr('rule_type', 'in', rule_types) | list) }}
{%- endmacro %}

{# The rule_order of the first command rule that matches one simple command; NULL where none does. #}
{% macro check_command_rule(column) -%}
    {%- if execute -%}
    case
        {%- for rule in check_rule_rows(['command']) %}
        when {{ regex_matches(column, quoted_text(rule['pattern'])) }} then {{ rule['rule_order'] }}
        {%- endfor %}
    end
    {%- else -%} null {%- endif -%}
{%- endmacro %}

{# The rule_orders of all output rules that match a text, as a list with NULLs in between. #}
{% macro check_output_rules(column) -%}
    {%- if execute -%}
    {%- set cases = [] -%}
    {%- for rule in check_rule_rows(['output']) -%}
        {%- set fits = regex_matches(column, quoted_text(rule['pattern'])) -%}
        {%- do cases.append('case when ' ~ fits ~ ' then ' ~ rule['rule_order'] ~ ' end') -%}
    {%- endfor -%}
    [{{ cases | join(', ') }}]
    {%- else -%} [null] {%- endif -%}
{%- endmacro %}

{# The number that one rule reads from a text; NULL where it finds nothing. #}
{% macro check_number(rule, column) -%}
    {%- set pattern = quoted_text(rule['pattern']) -%}
    {%- if rule['method'] in ('count', 'count_plus') -%} {{ regex_count(column, pattern) }}
    {%- elif rule['method'] == 'only' -%}
        case when {{ regex_count(column, pattern) }} = 1 then {{ regex_sum(column, pattern) }} end
    {%- elif rule['method'] == 'last' -%} {{ regex_last_number(column, pattern) }}
    {%- elif rule['method'] == 'word' -%} case when {{ regex_matches(column, pattern) }} then 1 end
    {%- else -%} {{ regex_sum(column, pattern) }}
    {%- endif -%}
{%- endmacro %}

{#
    A measure of a check's output. The first rule of the check that finds anything gives the number; rules
    with method `plus` or `count_plus` add theirs to it. NULL where no rule finds anything.
#}
{% macro check_measure(measure, name_column, column) -%}
    {%- if execute -%}
    {%- set checks = {} -%}
    {%- for rule in check_rule_rows([measure]) -%}
        {%- set numbers = checks.setdefault(rule['check_name'], {'first': [], 'plus': []}) -%}
        {%- set kind = 'plus' if rule['method'] in ('plus', 'count_plus') else 'first' -%}
        {%- do numbers[kind].append(check_number(rule, column)) -%}
    {%- endfor -%}
    case {{ name_column }}
        {%- for name, numbers in checks.items() %}
        when '{{ name }}' then
            {%- set first = 'coalesce(' ~ (numbers['first'] or ['null']) | join(', ') ~ ')' %}
            {%- if numbers['plus'] %}
            case
                when coalesce({{ ([first] + numbers['plus']) | join(', ') }}) is not null
                    then coalesce({{ first }}, 0)
            {%- for number in numbers['plus'] %} + coalesce({{ number }}, 0){% endfor %}
            end
            {%- else %} {{ first }}
            {%- endif %}
        {%- endfor %}
    end
    {%- else -%} cast(null as double) {%- endif -%}
{%- endmacro %}

{#
    The name of the first rule of the check, in the order of these measures, that finds anything in the output
    or, with `above_zero`, a number above zero: `0 failed` is not a failure.
#}
{% macro check_measure_rule(measures, name_column, column, above_zero=false) -%}
    {%- if execute -%}
    {%- set checks = {} -%}
    {%- for measure in measures -%}
        {%- for rule in check_rule_rows([measure]) -%}
            {%- do checks.setdefault(rule['check_name'], []).append(rule) -%}
        {%- endfor -%}
    {%- endfor -%}
    case {{ name_column }}
        {%- for name, rules in checks.items() %}
        when '{{ name }}' then case
            {%- for rule in rules %}
            when
                {% if above_zero %}{{ check_number(rule, column) }} > 0
                {%- else %}{{ regex_matches(column, quoted_text(rule['pattern'])) }}
                {%- endif %}
                then '{{ rule['rule_name'] }}'
            {%- endfor %}
        end
        {%- endfor %}
    end
    {%- else -%} cast(null as varchar) {%- endif -%}
{%- endmacro %}

{#
    Whether a text matches a rule of a type that is not about a particular check: that the command did not
    exist, a crash.
#}
{% macro check_says(rule_type, column) -%}
    {%- if execute -%}
    (
        {%- for rule in check_rule_rows([rule_type]) %}
        {{ regex_matches(column, quoted_text(rule['pattern'])) }}{{ ' or' if not loop.last }}
        {%- endfor %}
    )
    {%- else -%} false {%- endif -%}
{%- endmacro %}

{#
    The names that all rules of a type find for the check in an output, as a list: of
    failed or of passed tests.
#}
{% macro check_names(rule_type, name_column, column) -%}
    {%- if execute -%}
    {%- set checks = {} -%}
    {%- for rule in check_rule_rows([rule_type]) -%}
        {%- set names = regex_groups(column, rule['pattern'] | replace("'", "''")) -%}
        {%- do checks.setdefault(rule['check_name'], []).append(names) -%}
    {%- endfor -%}
    case {{ name_column }}
        {%- for name, lists in checks.items() %}
        when '{{ name }}' then flatten([{{ lists | join(', ') }}])
        {%- endfor %}
    end
    {%- else -%} [''] {%- endif -%}
{%- endmacro %}

{#
    Whether a test runner whose lines are counted also states the numbers in a summary: only then are they
    right if a part of the output is missing. True for the runners that always state their numbers.
#}
{% macro check_states_counts(name_column, column) -%}
    {%- if execute -%}
    {%- set counted = {} -%}
    {%- set rows = check_rule_rows(['total', 'passed', 'failed', 'errored']) -%}
    {%- for rule in rows if rule['method'] == 'count' -%}
        {%- do counted.setdefault(rule['check_name'], []) -%}
    {%- endfor -%}
    {%- for rule in rows if rule['method'] != 'count' and rule['check_name'] in counted -%}
        {%- do counted[rule['check_name']].append(regex_matches(column, quoted_text(rule['pattern']))) -%}
    {%- endfor -%}
    case {{ name_column }}
        {%- for name, conditions in counted.items() %}
        when '{{ name }}' then {{ conditions | join(' or ') if conditions else 'false' }}
        {%- endfor %}
        else true
    end
    {%- else -%} true {%- endif -%}
{%- endmacro %}
