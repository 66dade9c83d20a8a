{#
    A condition that a data test adds where few sessions are new, and not otherwise: dbt itself runs every
    test over all rows. In it `{sessions}` stands for the sessions that were touched since the last test,
    `{batch}` for the last batch that was tested.
#}
{% macro only_touched(condition) -%}
true /* touched: {{ condition }} */
{%- endmacro %}

{#
    The mark of a data test that is not run where few sessions are new: what it sums up has no
    part that they alone decide.
#}
{% macro only_whole() -%}
true /* only of the whole */
{%- endmacro %}
