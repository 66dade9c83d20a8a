{{ config(materialized='table') }}

-- Activity that other files of the client mention, whether or not its transcripts are there.
select
    'history' as witness,
    session_id,
    cast(min(typed_at) as date) as activity_date,
    min(typed_at) as first_seen_at,
    max(typed_at) as last_seen_at,
    max(working_dir) as working_dir,
    count(*) as prompt_count,
    cast(1 as bigint) as session_count,
    cast(null as bigint) as message_count
from {{ ref('stg_transcripts__history') }}
where session_id is not null
group by session_id
union all
select
    'stats_cache' as witness,
    cast(null as varchar) as session_id,
    activity_date,
    cast(null as timestamp) as first_seen_at,
    cast(null as timestamp) as last_seen_at,
    cast(null as varchar) as working_dir,
    cast(null as bigint) as prompt_count,
    max(session_count) as session_count,
    max(message_count) as message_count
from {{ ref('stg_transcripts__stats_cache') }}
group by activity_date
union all
select
    'session_environment' as witness,
    file_session_id as session_id,
    cast(min(modified_at) as date) as activity_date,
    min(modified_at) as first_seen_at,
    max(modified_at) as last_seen_at,
    cast(null as varchar) as working_dir,
    cast(null as bigint) as prompt_count,
    cast(1 as bigint) as session_count,
    cast(null as bigint) as message_count
from {{ ref('stg_transcripts__file') }}
where file_kind = 'session_environment'
group by file_session_id
