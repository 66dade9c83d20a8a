{#
    A condition that a data test adds only where few sessions are new: dbt itself tests all rows. `{sessions}`
    stands for the sessions touched since the last test, `{batch}` for the last batch that was tested.
#}
{% macro only_touched(condition) -%}
true /* touched: {{ condition }} */
{%- endmacro %}

{# Marks a data test that is skipped where few sessions are new: they alone decide no part of its sums. #}
{% macro only_whole() -%}
true /* only of the whole */
{%- endmacro %}
