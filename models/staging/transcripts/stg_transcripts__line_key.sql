{{ config(materialized='incremental', incremental_strategy='append') }}

-- Which keys the lines of each type have, so that a key nobody knows shows up in health the day a client writes it.
with raw_lines as (
    select
        file_id,
        line_number,
        part_number,
        json_keys(coalesce(repaired_line, line)) as line_keys,
        _batch_id
    from {{ source('raw', 'transcript_line') }}
    where set_aside_reason is null and {{ unseen() }}
),

lines as (
    select
        file_id,
        line_number,
        part_number,
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
        raw_lines.file_id,
        raw_lines.line_number,
        raw_lines._batch_id,
        unnest(raw_lines.line_keys) as line_key
    from raw_lines
    -- Two objects glued on one line are two lines, each with its own keys.
    inner join lines
        on lines.file_id = raw_lines.file_id and lines.line_number = raw_lines.line_number
        and lines.part_number = raw_lines.part_number
)

select
    session_id,
    line_type,
    subtype,
    client_version,
    line_key,
    count(*) as line_count,
    min(file_id) as first_file_id,
    min_by(line_number, (file_id, line_number)) as first_line_number,
    _batch_id
from keyed
group by all
