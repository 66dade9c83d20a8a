with documents as (
    select
        documents.file_id,
        documents.content,
        documents._batch_id,
        row_number() over (
            partition by documents.file_id order by documents._batch_id desc, documents.content_hash
        ) as version_rank
    from {{ source('raw', 'document') }} as documents
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = documents.file_id
    where files.file_kind = 'stats_cache'
),

parsed as (
    select
        file_id,
        _batch_id,
        {{ json_struct(json_document('content'), '{"dailyActivity": [{"date": "VARCHAR",
            "messageCount": "COUNT", "sessionCount": "COUNT", "toolCallCount": "COUNT"}]}') }} as p
    from documents
    where version_rank = 1
),

days as (
    select
        file_id,
        _batch_id,
        day
    from {{ explode(
        "(select file_id, _batch_id, p.dailyActivity as days from parsed)", 'days', 'day', 'day_number'
    ) }} as exploded
)

select
    file_id,
    try_cast(day.date as date) as activity_date,
    day.messageCount as message_count,
    day.sessionCount as session_count,
    day.toolCallCount as tool_call_count,
    _batch_id
from days
where try_cast(day.date as date) is not null
