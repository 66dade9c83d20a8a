{#
    The sessions to compute anew: those whose rows a new batch may have changed. `int_session_batch` says
    which batch last touched a session, copies of its lines in other sessions included.
#}
{% macro touched_sessions() -%}
    (
        select session_id, _batch_id
        from {{ ref('int_session_batch') }}
        where {{ unseen() }}
    )
{%- endmacro %}
