{#
    The 95 % quantile of Student's t, for a two-sided interval of 90 %, by degrees of freedom: the series around
    the normal quantile, 1.6448536 (Abramowitz and Stegun 26.7.5), correct to 0.2 % from three degrees of
    freedom. Below two, where the series fails, the exact quantile for one, which is larger.
#}
{% macro t_quantile_95(degrees) -%}
    case
        when {{ degrees }} >= 2
            then 1.6448536 + 1.5237714 / {{ degrees }} + 1.4202385 / power({{ degrees }}, 2)
            + 0.9832028 / power({{ degrees }}, 3) + 0.4339387 / power({{ degrees }}, 4)
        when {{ degrees }} is not null then 6.3137515
    end
{%- endmacro %}
