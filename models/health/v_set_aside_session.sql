{{ config(materialized='table') }}

select
    session_id,
    test_name,
    reason,
    source_path,
    set_aside_at,
    line_count
from {{ ref('stg_transcripts__set_aside_session') }}
