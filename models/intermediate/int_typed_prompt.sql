{{ config(materialized='table') }}

-- Commands, shell lines and memory notes are left out: some of them leave no line in a transcript.
select
    session_id,
    working_dir,
    cast({{ local_time('typed_at') }} as date) as activity_date,
    min(typed_at) as first_seen_at,
    max(typed_at) as last_seen_at,
    count(*) as prompt_count
from {{ ref('stg_transcripts__history') }}
where typed_at is not null and not regexp_matches(coalesce(prompt_text, ''), '^\s*([/!#]|<command-)')
group by all
