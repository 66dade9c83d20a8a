with documents as (
    select * from {{ source('raw', 'document') }}
),

files as (
    select * from {{ ref('stg_transcripts__file') }}
    where file_kind = 'custom_title' and file_session_id is not null
),

latest as (
    select
        files.file_session_id,
        documents.content,
        documents._batch_id,
        row_number() over (
            partition by files.file_session_id
            order by documents._batch_id desc, files.modified_at desc, documents.content_hash
        ) as version_rank
    from documents
    inner join files on files.file_id = documents.file_id
),

parsed as (
    select
        file_session_id,
        {{ json_struct(json_document('content'), '{"customTitle": "VARCHAR"}') }} as document,
        _batch_id
    from latest
    where version_rank = 1
)

select
    file_session_id as session_id,
    nullif(trim(document.customTitle), '') as custom_title,
    _batch_id
from parsed
