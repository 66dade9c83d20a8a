with touched_by_tools as (
    select target_path as file_path, called_at as seen_at, cast(null as bigint) as size_bytes
    from {{ ref('int_tool_call') }}
    where target_path is not null
    union all
    select result.filePath, called_at, cast(null as bigint)
    from {{ ref('int_tool_call') }}
    where result.filePath is not null
    union all
    select result.file.filePath, called_at, result.file.originalSize
    from {{ ref('int_tool_call') }}
    where result.file.filePath is not null
    union all
    select coalesce(attachment.filename, attachment.path), created_at, cast(null as bigint)
    from {{ ref('stg_transcripts__attachment') }}
    where attachment_type in ('file', 'nested_memory', 'edited_text_file', 'compact_file_reference', 'already_read_file')
),

files as (
    select
        file_path,
        min(seen_at) as created_at,
        max(seen_at) as last_seen_at,
        min_by(size_bytes, seen_at) filter (where size_bytes is not null) as initial_size_bytes,
        count(*) as touch_count
    from touched_by_tools
    where file_path is not null and file_path <> ''
    group by file_path
),

named as (
    select
        *,
        {{ path_name('file_path') }} as file_name
    from files
)

select
    {{ surrogate_key(['file_path']) }} as file_id,
    file_path,
    created_at,
    last_seen_at,
    file_name,
    coalesce(nullif(lower({{ regex_group('file_name', '[.]([A-Za-z0-9_]+)$') }}), ''), 'none') as file_type,
    {{ regex_group('file_path', '^(.*)[/\\\\][^/\\\\]*$') }} as folder_path,
    initial_size_bytes,
    touch_count
from named
