{#
    The sessions to recompute: those whose rows a new batch may have changed. `int_session_batch` records the
    batch that last touched a session, including copies of its lines in other sessions.
#}
{% macro touched_sessions() -%}
    (
        select session_id, _batch_id
        from {{ ref('int_session_batch') }}
        where {{ unseen() }}
    )
{%- endmacro %}
