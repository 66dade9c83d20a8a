{#
    The id of a user: `user_` and twelve hex digits of a salted hash, unless privacy.yml keeps names. The salt
    is in the warehouse only. `ingest.privacy.policy.user_id` is the same in Python.
#}
{% macro user_identity(name) -%}
    case
        when {{ name }} = 'unknown' or regexp_full_match({{ name }}, 'user_[0-9a-f]{12}') then {{ name }}
        else coalesce(
            'user_' || left(sha256((select max(user_salt) from {{ ref('stg_transcripts__policy') }}) || {{ name }}), 12),
            {{ name }}
        )
    end
{%- endmacro %}
