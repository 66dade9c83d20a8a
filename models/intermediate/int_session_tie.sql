{{ config(materialized='incremental', incremental_strategy='append') }}

with keys as (
    select session_id, line_uuid as shared_key, _batch_id
    from {{ ref('stg_transcripts__line') }}
    where line_uuid is not null
    union all
    select session_id, message_id as shared_key, _batch_id
    from {{ ref('stg_transcripts__line') }}
    where message_id is not null
    union all
    select session_id, tool_use_id as shared_key, _batch_id
    from {{ ref('stg_transcripts__block') }}
    where tool_use_id is not null
),

fresh as (
    select
        session_id,
        shared_key,
        max(_batch_id) as _batch_id
    from keys
    where {{ unseen() }}
    group by session_id, shared_key
),

shared as (
    select
        fresh.session_id,
        keys.session_id as tied_session_id,
        max(fresh._batch_id) as _batch_id
    from fresh
    inner join keys on keys.shared_key = fresh.shared_key
    where keys.session_id <> fresh.session_id
    group by fresh.session_id, keys.session_id
),

ties as (
    select session_id, tied_session_id, _batch_id from shared
    union all
    select tied_session_id as session_id, session_id as tied_session_id, _batch_id from shared
    union all
    -- Each session is also paired with itself, so that a new session moves the watermark even without ties.
    select session_id, session_id as tied_session_id, _batch_id from fresh
)

select
    ties.session_id,
    ties.tied_session_id,
    max(ties._batch_id) as _batch_id
from ties
{%- if is_incremental() %}
    anti join {{ this }} as known
        on known.session_id = ties.session_id and known.tied_session_id = ties.tied_session_id
{%- endif %}
group by ties.session_id, ties.tied_session_id
