{#
    A model's input rows of the sessions in its CTE `touched`, as a relation of its own: a scan passes over
    other sessions' long texts only if the sessions reach it before any other join does.
#}
{% macro touched_rows(relation) -%}
(
    select rows_of_all.*
    from {{ relation }} as rows_of_all
    semi join touched on touched.session_id = rows_of_all.session_id
)
{%- endmacro %}
