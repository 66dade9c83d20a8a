{#
    Lower and upper bound of a share at 95 % (Wilson): what the true share may be, given so few tries. Needed wherever rates
    of different numbers of tries are compared. NULL without a try.
#}
{% macro wilson_low(successes, tries) -%} {{ wilson_bound(successes, tries, '-') }} {%- endmacro %}
{% macro wilson_high(successes, tries) -%} {{ wilson_bound(successes, tries, '+') }} {%- endmacro %}

{% macro wilson_bound(successes, tries, sign) -%}
    least(greatest(
        (
            ({{ successes }}) / nullif(cast({{ tries }} as double), 0) + 1.9208 / nullif(cast({{ tries }} as double), 0)
            {{ sign }} 1.96 * sqrt(
                ({{ successes }}) / nullif(cast({{ tries }} as double), 0) * (1 - ({{ successes }}) / nullif(cast({{ tries }} as double), 0))
                / nullif(cast({{ tries }} as double), 0)
                + 0.9604 / nullif(cast({{ tries }} as double) * cast({{ tries }} as double), 0)
            )
        ) / (1 + 3.8416 / nullif(cast({{ tries }} as double), 0)), 0
    ), 1)
{%- endmacro %}
