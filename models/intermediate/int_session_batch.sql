{{ config(materialized='table') }}

with recursive own as (
    select
        session_id,
        max(_batch_id) as _batch_id
    from (
        select session_id, _batch_id from {{ ref('stg_transcripts__line') }}
        union all
        select session_id, _batch_id
        from {{ ref('stg_transcripts__agent_meta') }}
        where session_id is not null
        union all
        select session_id, _batch_id from {{ ref('stg_transcripts__custom_title') }}
        union all
        -- A spilled tool result may be landed after the line that names it.
        select session_id, _batch_id
        from {{ ref('stg_transcripts__tool_result_file') }}
        where session_id is not null
        union all
        select session_id, _batch_id
        from {{ ref('stg_events__event') }}
        where session_id is not null and set_aside_reason is null
    ) as touches
    group by session_id
),

ties as (
    select session_id, tied_session_id
    from {{ ref('int_session_tie') }}
    where session_id <> tied_session_id
),

-- Sessions that share a line, a message or a call (fork, resume, background) form a family, together with all
-- sessions that those share one with: a new line in one may change the owner of lines in the others.
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
