{{ config(materialized='incremental', incremental_strategy='replace_touched', zstd_columns=['body_text']) }}

-- Newer clients log the memory files of a thread with their text, all of them on one line.
with touched as {{ touched_sessions() }},

attached as (
    select session_id, line_uuid, created_at, memory_files
    from {{ touched_rows(ref('int_attachment')) }} as attachments
    where memory_files is not null
),

files as (
    select
        session_id,
        line_uuid,
        created_at,
        file_number,
        nullif({{ path_identity('memory_file.path') }}, '') as file_path,
        memory_file.content as body_text
    from {{ explode('attached', 'memory_files', 'memory_file', 'file_number') }} as exploded
)

select
    files.session_id,
    files.line_uuid,
    cast(files.file_number as bigint) as file_number,
    files.created_at,
    files.file_path,
    files.body_text,
    touched._batch_id
from files
inner join touched on touched.session_id = files.session_id
where files.file_path is not null and files.body_text <> ''
