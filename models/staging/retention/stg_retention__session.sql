{%- set spec = '{"title": "VARCHAR", "project_name": "VARCHAR", "project_path": "VARCHAR",
    "user_id": "VARCHAR", "started_at": "TIMESTAMP", "ended_at": "TIMESTAMP"}' -%}

-- A session that was resumed after it had expired can expire again: the newest row counts.
with parsed as (
    select
        session_id,
        expired_at,
        {{ json_struct('row_json', spec) }} as p
    from {{ source('retention', 'expired_row') }}
    where relation = 'session'
),

numbered as (
    select
        session_id,
        p,
        min(p.started_at) over (partition by session_id) as started_at,
        max(p.ended_at) over (partition by session_id) as ended_at,
        max(expired_at) over (partition by session_id) as expired_at,
        row_number() over (partition by session_id order by expired_at desc, p.ended_at desc nulls last)
            as recency
    from parsed
)

select
    session_id,
    p.user_id,
    started_at,
    ended_at,
    expired_at,
    p.project_path,
    p.project_name,
    p.title
from numbered
where recency = 1
