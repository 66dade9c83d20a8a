{{ config(materialized='table') }}

with recursive lines as (
    select
        session_id,
        line_uuid,
        message_id,
        _batch_id
    from {{ ref('stg_transcripts__line') }}
),

own as (
    select
        session_id,
        max(_batch_id) as _batch_id
    from (
        select session_id, _batch_id from lines
        union all
        select session_id, _batch_id from {{ ref('stg_transcripts__agent_meta') }} where session_id is not null
        union all
        select session_id, _batch_id from {{ ref('stg_transcripts__custom_title') }}
        union all
        -- A spilled tool result may land after the line that names it.
        select session_id, _batch_id from {{ ref('stg_transcripts__tool_result_file') }} where session_id is not null
    ) as touches
    group by session_id
),

keys as (
    select session_id, line_uuid as shared_key from lines where line_uuid is not null
    union
    select session_id, message_id as shared_key from lines where message_id is not null
    union
    select session_id, tool_use_id as shared_key from {{ ref('stg_transcripts__block') }} where tool_use_id is not null
),

shared as (
    select
        shared_key,
        min(session_id) as first_session_id
    from keys
    group by shared_key
    having min(session_id) <> max(session_id)
),

pairs as (
    select distinct
        keys.session_id,
        shared.first_session_id
    from keys
    inner join shared on shared.shared_key = keys.shared_key
    where keys.session_id <> shared.first_session_id
),

ties as (
    select session_id, first_session_id as tied_session_id from pairs
    union all
    select first_session_id as session_id, session_id as tied_session_id from pairs
),

-- Sessions that share a line, a message or a call (fork, resume, background) are a family, with all that they share one with:
-- any new line of one may change whose the lines of the others are.
families as (
    select session_id, tied_session_id from ties
    union
    select families.session_id, ties.tied_session_id
    from families
    inner join ties on ties.session_id = families.tied_session_id
)

select
    own.session_id,
    greatest(own._batch_id, coalesce(max(relatives._batch_id), own._batch_id)) as _batch_id
from own
left join families on families.session_id = own.session_id
left join own as relatives on relatives.session_id = families.tied_session_id
group by own.session_id, own._batch_id
