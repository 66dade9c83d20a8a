{{ config(materialized='incremental', incremental_strategy='append') }}

with lines as (
    select
        line_id,
        session_id,
        line_uuid,
        agent_run_id,
        created_at,
        attachment_body,
        _batch_id
    from {{ ref('stg_transcripts__line') }}
    where left(attachment_body, 1) = '{' and {{ unseen() }}
),

parsed as (
    select
        *,
        {{ json_struct('attachment_body', attachment_spec()) }} as a
    from lines
)

select
    line_id,
    session_id,
    line_uuid,
    agent_run_id,
    created_at,
    coalesce(nullif(a.type, ''), 'unknown') as attachment_type,
    {{ json_texts('a.prompt') }} as prompt_text,
    {{ parse_timestamp('a.timestamp') }} as prompted_at,
    {{ json_texts('a.content') }} as content_text,
    coalesce({{ json_scalar('a.content', '$.file.content') }}, {{ json_scalar('a.content', '$.content') }})
        as file_text,
    case
        when a.type = 'instructions'
            then {{ json_struct('a.files', '[{"path": "VARCHAR", "content": "VARCHAR"}]') }}
    end as memory_files,
    {{ escaped_char_count('attachment_body') }} as attachment_characters,
    a as attachment,
    _batch_id
from parsed
