{{ config(materialized='table') }}

select distinct
    host,
    cast(started_at as date) as landed_on
from {{ ref('stg_transcripts__batch') }}
