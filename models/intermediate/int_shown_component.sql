-- Uses all lines, including copies: each shows that the file or hook existed.
with shown as (
    select
        session_id,
        'reference_file' as component_type,
        {{ path_identity('coalesce(attachment.path, attachment.filename)') }} as component_name,
        attachment_type as shown_by,
        created_at as shown_at
    from {{ ref('stg_transcripts__attachment') }}
    where
        attachment_type in (
            'file', 'nested_memory', 'edited_text_file', 'compact_file_reference', 'already_read_file'
        )
    union all
    select session_id, 'reference_file', entry_name, 'context_usage', created_at
    from {{ ref('stg_transcripts__context_usage') }}
    where entry_type = 'memory_file'
    union all
    select session_id, 'hook', attachment.hookName, 'attachment', created_at
    from {{ ref('stg_transcripts__attachment') }}
    union all
    select session_id, 'hook', hook_name, 'progress', created_at
    from {{ ref('stg_transcripts__line') }}
)

select
    {{ surrogate_key(['session_id', 'component_type', 'component_name', 'shown_by']) }} as sight_id,
    session_id,
    component_type,
    component_name,
    shown_by,
    min(shown_at) as first_seen_at,
    max(shown_at) as last_seen_at,
    count(*) as sight_count
from shown
where component_name <> ''
group by session_id, component_type, component_name, shown_by
