{{ config(materialized='table') }}

-- Types, subtypes, attachment types and keys in the logs that the store does not know, per client version.
with keys as (
    select
        line_type,
        subtype,
        client_version,
        line_key,
        sum(line_count) as line_count,
        min(first_line_id) as first_line_id
    from {{ ref('stg_transcripts__line_key') }}
    group by line_type, subtype, client_version, line_key
),

known_types as (
    select * from {{ ref('line_types') }}
),

types as (
    select
        line_type,
        subtype,
        client_version,
        max(line_count) as line_count,
        min(first_line_id) as first_line_id
    from keys
    group by all
),

attachments as (
    select
        'attachment' as line_type,
        attachments.attachment_type as subtype,
        coalesce(lines.client_version, '') as client_version,
        count(*) as line_count,
        min(attachments.line_id) as first_line_id
    from {{ ref('stg_transcripts__attachment') }} as attachments
    inner join {{ ref('stg_transcripts__line') }} as lines on lines.line_id = attachments.line_id
    group by all
),

findings as (
    select
        'line_type' as finding,
        types.line_type,
        cast(null as varchar) as subtype,
        cast(null as varchar) as unknown_key,
        types.*
        exclude (line_type, subtype)
    from types
    where types.line_type not in (select line_type from known_types)
    union all
    select 'subtype', types.line_type, types.subtype, null, types.* exclude (line_type, subtype)
    from types
    where
        types.subtype <> '' and types.line_type = 'system'
        and types.subtype not in (
            select subtype from known_types
            where line_type = 'system' and subtype is not null
        )
    union all
    select
        'attachment_type', attachments.line_type, attachments.subtype, null,
        attachments.* exclude (line_type, subtype)
    from attachments
    where
        attachments.subtype not in (
            select subtype from known_types
            where line_type = 'attachment' and subtype is not null
        )
    union all
    select
        'key', keys.line_type, nullif(keys.subtype, ''), keys.line_key, keys.client_version, keys.line_count,
        keys.first_line_id
    from keys
    where
        keys.line_type in (select line_type from known_types)
        and not exists (
            select 1 from {{ ref('transcript_keys') }} as known
            where known.key = keys.line_key and known.line_type in ('*', keys.line_type)
        )
)

select
    findings.finding,
    findings.line_type,
    findings.subtype,
    findings.unknown_key,
    findings.client_version,
    cast(sum(findings.line_count) as bigint) as line_count,
    min(lines.source_path) as first_source_path,
    min_by(lines.line_number, (lines.source_path, lines.line_number)) as first_source_line
from findings
inner join {{ ref('stg_transcripts__line') }} as lines on lines.line_id = findings.first_line_id
group by all
