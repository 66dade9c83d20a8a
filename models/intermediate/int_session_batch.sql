{{ config(materialized='table') }}

with lines as (
    select
        session_id,
        line_uuid,
        message_id,
        _batch_id
    from {{ ref('stg_transcripts__line') }}
),

keys as (
    select session_id, line_uuid as shared_key, _batch_id from lines where line_uuid is not null
    union all
    select session_id, message_id as shared_key, _batch_id from lines where message_id is not null
),

-- A key that stands in several sessions (fork, resume): a new line in one of them may change the rows of the others.
shared as (
    select
        shared_key,
        max(_batch_id) as _batch_id
    from keys
    group by shared_key
    having min(session_id) <> max(session_id)
),

touches as (
    select session_id, _batch_id from lines
    union all
    select keys.session_id, shared._batch_id
    from keys
    inner join shared on shared.shared_key = keys.shared_key
    union all
    select session_id, _batch_id from {{ ref('stg_transcripts__agent_meta') }} where session_id is not null
)

select
    session_id,
    max(_batch_id) as _batch_id
from touches
group by session_id
