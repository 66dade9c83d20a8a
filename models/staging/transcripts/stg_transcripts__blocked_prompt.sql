{#- The hook's reason precedes the prompt; the prompt itself may have several lines. #}
{%- set original = '(?s)Original prompt: ' %}

-- Prompts stopped by a hook: the client keeps them in a separate line, without their prompt id.
with blocked as (
    select
        line_id,
        session_id,
        created_at,
        {{ json_texts('content_body') }} as notice_text,
        source_path,
        line_number,
        _batch_id
    from {{ ref('stg_transcripts__line') }}
    where was_prompt_blocked and line_type = 'system'
)

select
    line_id,
    session_id,
    source_path,
    line_number,
    created_at,
    nullif({{ regex_group('notice_text', original ~ '(.*)$') }}, '') as prompt_text,
    nullif({{ regex_group('notice_text', original ~ '/(\\S+)') }}, '') as command_name,
    nullif(trim({{ regex_group('notice_text', original ~ '/\\S+\\s+(.*)$') }}), '') as command_args,
    _batch_id
from blocked
