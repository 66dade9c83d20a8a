{# Whether a row of int_token_rate applies to a text measured then; without a time the first row does. #}
{% macro rate_applies(rates, measured_at) -%}
    coalesce({{ measured_at }}, timestamp '0001-01-01 00:00:00') >= {{ rates }}.valid_from
    and coalesce({{ measured_at }}, timestamp '0001-01-01 00:00:00') < {{ rates }}.valid_to
{%- endmacro %}
