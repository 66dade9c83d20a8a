{#
    A model's input rows for the sessions in its CTE `touched`, as a separate relation: a scan skips other
    sessions' long texts only if it is joined with the sessions before any other join.
#}
{% macro touched_rows(relation) -%}
(
    select rows_of_all.*
    from {{ relation }} as rows_of_all
    semi join touched on touched.session_id = rows_of_all.session_id
)
{%- endmacro %}
