with documents as (
    select * from {{ source('raw', 'document') }}
),

files as (
    select * from {{ ref('stg_transcripts__file') }}
    where file_kind = 'tool_result'
),

latest as (
    select
        documents.*,
        row_number() over (
            partition by documents.file_id order by documents._batch_id desc, documents.content_hash
        ) as version_rank
    from documents
    semi join files on files.file_id = documents.file_id
)

select
    files.file_id,
    files.file_session_id as session_id,
    files.path,
    {{ path_name('files.path') }} as file_name,
    latest.content as result_text,
    latest.content_bytes,
    latest.is_truncated,
    latest._batch_id
from latest
inner join files on files.file_id = latest.file_id
where latest.version_rank = 1
