{# The documents to recompute: those whose rows the model made from a state other than the current one. #}
{% macro changed_documents() -%}
    (
        select
            states.document_id,
            states.document_path,
            states._state
        from {{ ref('int_document_state') }} as states
        {%- if is_incremental() %}
        anti join {{ this }} as made on made.document_id = states.document_id and made._state = states._state
        {%- endif %}
    )
{%- endmacro %}
