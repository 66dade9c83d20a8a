{{ config(materialized='incremental', incremental_strategy='append') }}

-- The keys of lines of each type, so that a health view shows an unknown key on the first day.
with raw_lines as (
    select
        {{ line_id() }} as line_id,
        json_keys(coalesce(repaired_line, line)) as line_keys,
        _batch_id
    from {{ source('raw', 'transcript_line') }}
    where set_aside_reason is null and {{ unseen() }}
),

lines as (
    select
        line_id,
        session_id,
        coalesce(line_type, '') as line_type,
        coalesce(subtype, '') as subtype,
        is_nested,
        coalesce(client_version, '') as client_version
    from {{ ref('stg_transcripts__line') }}
    where {{ unseen() }}
),

keyed as (
    select
        case when lines.is_nested then 'progress' else lines.line_type end as line_type,
        lines.subtype,
        lines.client_version,
        lines.session_id,
        raw_lines.line_id,
        raw_lines._batch_id,
        unnest(raw_lines.line_keys) as line_key
    from raw_lines
    -- Two objects glued on one line are two lines, each with its own keys.
    inner join lines on lines.line_id = raw_lines.line_id
)

select
    session_id,
    line_type,
    subtype,
    client_version,
    line_key,
    count(*) as line_count,
    min(line_id) as first_line_id,
    _batch_id
from keyed
group by all
