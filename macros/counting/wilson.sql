{#
    Lower and upper 95 % bounds of a share (Wilson): the range of the true share, given the number of tries.
    Needed wherever rates over different numbers of tries are compared. NULL without a try: greatest and least
    would turn it into zero. Six digits, since further ones are arithmetic noise.
#}
{% macro wilson_low(successes, tries) -%} {{ wilson_bound(successes, tries, '-') }} {%- endmacro %}
{% macro wilson_high(successes, tries) -%} {{ wilson_bound(successes, tries, '+') }} {%- endmacro %}

{#
    Lower and upper 95 % bounds of the difference between two shares (Newcombe, from the Wilson bounds of
    both). If they are both above or both below zero, the difference is not due to chance.
#}
{% macro difference_low(share, low, other_share, other_high) -%}
    round(
        {{ share }} - {{ other_share }}
        - sqrt(power({{ share }} - {{ low }}, 2) + power({{ other_high }} - {{ other_share }}, 2)),
        6
    )
{%- endmacro %}
{% macro difference_high(share, high, other_share, other_low) -%}
    round(
        {{ share }} - {{ other_share }}
        + sqrt(power({{ high }} - {{ share }}, 2) + power({{ other_share }} - {{ other_low }}, 2)),
        6
    )
{%- endmacro %}

{% macro wilson_bound(successes, tries, sign) -%}
    {#- Counts of two models may disagree in a damaged log: successes never exceed tries. -#}
    {%- set share = 'least(' ~ successes ~ ', ' ~ tries ~ ') / cast(' ~ tries ~ ' as double)' -%}
    {%- set many = 'cast(' ~ tries ~ ' as double)' -%}
    case
        when {{ tries }} > 0 then round(least(greatest(
            (
                {{ share }} + 1.9208 / {{ many }}
                {{ sign }} 1.96
                * sqrt({{ share }} * (1 - {{ share }}) / {{ many }} + 0.9604 / ({{ many }} * {{ many }}))
            ) / (1 + 3.8416 / {{ many }}), 0
        ), 1), 6)
    end
{%- endmacro %}
