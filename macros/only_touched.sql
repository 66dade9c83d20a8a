{#
    A condition that a data test adds only if few sessions are new: dbt itself tests all rows. `{sessions}`
    stands for the sessions touched since the last test, `{batch}` for the last batch that was tested.
#}
{% macro only_touched(condition) -%}
true /* touched: {{ condition }} */
{%- endmacro %}

{# Marks a data test that is skipped if few sessions are new: none of its sums depends on them alone. #}
{% macro only_whole() -%}
true /* only of the whole */
{%- endmacro %}
