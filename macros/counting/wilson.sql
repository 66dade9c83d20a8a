{#
    Lower and upper bound of a share at 95 % (Wilson): what the true share may be, given so few tries. Needed
    wherever rates of different numbers of tries are compared. NULL without a try: greatest and least would
    make a zero of it. Six digits, since the last ones are noise of the arithmetic.
#}
{% macro wilson_low(successes, tries) -%} {{ wilson_bound(successes, tries, '-') }} {%- endmacro %}
{% macro wilson_high(successes, tries) -%} {{ wilson_bound(successes, tries, '+') }} {%- endmacro %}

{#
    Lower and upper bound at 95 % of the difference between two shares (Newcombe, from the Wilson bounds of
    both). Above or below zero, the shares differ by more than chance.
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
    {#- Counts of two models may disagree in a damaged log: there is no more than every try. -#}
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
