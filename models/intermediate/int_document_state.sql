{{ config(materialized='table') }}

-- Any change to the rows joined here changes their batch. For contents only the first batch counts: a content
-- never changes, unless all are cut again by new rules.
with mentions as (
    select
        retrievals.document_path,
        retrievals.retrieval_key as row_key,
        retrievals._batch_id,
        reads.content_id,
        reads._batch_id as read_batch_id
    from {{ ref('int_retrieval') }} as retrievals
    left join {{ ref('stg_code__read') }} as reads on reads.tool_use_id = retrievals.tool_use_id
    where retrievals.document_path is not null
    union all
    select target_path, tool_use_id, _batch_id, null, null
    from {{ ref('int_tool_call') }}
    where
        target_path is not null and target_path <> ''
        and tool_name in ('Edit', 'Write', 'MultiEdit', 'NotebookEdit')
    union all
    select document_path, commit_id, _batch_id, null, null
    from {{ ref('stg_code__change') }}
    union all
    select document_path, blob_id, _batch_id, content_id, null
    from {{ ref('stg_code__document') }}
),

contents as (
    select coalesce(min(_batch_id), 0) as first_batch_id
    from {{ ref('stg_code__chunk') }}
)

select
    {{ surrogate_key(['mentions.document_path']) }} as document_id,
    mentions.document_path,
    {{ rows_state([
        'mentions.row_key', 'mentions._batch_id', 'mentions.content_id', 'mentions.read_batch_id',
        'contents.first_batch_id'
    ]) }}
        as _state
from mentions
cross join contents
group by mentions.document_path
