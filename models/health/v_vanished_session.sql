{{ config(materialized='table') }}

-- Sessions that other files mention and no transcript contains: deleted before they were landed. Several
-- hosts of a lake may name the same session, and each counts its own days.
with history as (
    select
        session_id,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        max(working_dir) as working_dir,
        max(prompt_count) as prompt_count
    from {{ ref('int_activity_witness') }}
    where witness = 'history'
    group by session_id
),

-- A session whose lines have expired had been landed. If it was resumed afterwards, both start days count.
landed as (
    select session_id, cast(started_at as date) as activity_date
    from {{ ref('dim_session') }}
    union
    select session_id, cast(started_at as date)
    from {{ ref('stg_retention__session') }}
),

landed_days as (
    select
        activity_date,
        count(*) as session_count
    from landed
    group by activity_date
),

stats as (
    select
        activity_date,
        sum(session_count) as session_count
    from {{ ref('int_activity_witness') }}
    where witness = 'stats_cache'
    group by activity_date
)

select
    'history' as witness,
    history.session_id,
    cast(history.first_seen_at as date) as activity_date,
    history.first_seen_at,
    history.last_seen_at,
    history.working_dir,
    cast(history.prompt_count as bigint) as prompt_count,
    cast(1 as bigint) as missing_session_count
from history
anti join landed on landed.session_id = history.session_id
union all
select
    'stats_cache' as witness,
    cast(null as varchar) as session_id,
    stats.activity_date,
    cast(null as timestamp) as first_seen_at,
    cast(null as timestamp) as last_seen_at,
    cast(null as varchar) as working_dir,
    cast(null as bigint) as prompt_count,
    cast(stats.session_count - coalesce(landed_days.session_count, 0) as bigint) as missing_session_count
from stats
left join landed_days on landed_days.activity_date = stats.activity_date
where stats.session_count > coalesce(landed_days.session_count, 0)
