{#
    A relation's rows of touched sessions, for a model with the CTE `touched`: as a relation of its
    own, since a scan passes over the long texts of other sessions only where the sessions reach it
    before any other join does.
#}
{% macro touched_rows(relation) -%}
(
    select rows_of_all.*
    from {{ relation }} as rows_of_all
    semi join touched on touched.session_id = rows_of_all.session_id
)
{%- endmacro %}
