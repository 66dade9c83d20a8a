{#
    The rows that this model has not read yet. The watermark is the landing batch, never event time: a file
    found today may contain last year's session. Each model keeps its own watermark and catches up after a
    failure.
#}
{% macro unseen(batch_column='_batch_id') -%}
    {%- if is_incremental() -%}
    {{ batch_column }} > (select coalesce(max({{ batch_column }}), -1) from {{ this }})
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}
