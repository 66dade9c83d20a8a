{{ config(materialized='incremental', incremental_strategy='append') }}

-- The JSON types of the keys of lines, and of a response's message and usage, per client version: sampled
-- from one line in sixteen, chosen by its content, so that the order in which logs arrive makes no
-- difference. `stg_transcripts__line_key` covers every line, but has no types.
with raw_lines as (
    select
        {{ line_id() }} as line_id,
        coalesce(repaired_line, line) as line,
        _batch_id
    from {{ source('raw', 'transcript_line') }}
    where set_aside_reason is null and {{ unseen() }}
),

lines as (
    select
        line_id,
        line_uuid,
        session_id,
        line_type,
        coalesce(subtype, '') as subtype,
        client_version,
        created_at
    from {{ ref('stg_transcripts__line') }}
    where not is_nested and line_type is not null and client_version is not null and {{ unseen() }}
),

chosen as (
    select
        lines.session_id,
        lines.line_type,
        lines.subtype,
        lines.client_version,
        lines.created_at,
        raw_lines.line,
        raw_lines._batch_id
    from raw_lines
    inner join lines on lines.line_id = raw_lines.line_id
    where right(md5(coalesce(lines.line_uuid, raw_lines.line)), 1) = '0'
),

parts as (
    select session_id, line_type, subtype, client_version, created_at, _batch_id, '' as prefix, line as part
    from chosen
    union all
    select
        session_id, line_type, subtype, client_version, created_at, _batch_id, 'message.',
        json_extract(line, '$.message')
    from chosen
    where line_type in ('user', 'assistant')
    union all
    select
        session_id, line_type, subtype, client_version, created_at, _batch_id, 'message.usage.',
        json_extract(line, '$.message.usage')
    from chosen
    where line_type = 'assistant'
),

keyed as (
    select *, unnest(json_keys(part)) as key_name
    from parts
),

typed as (
    select
        * exclude (part),
        -- A JSON pointer instead of a path: a key may be empty or contain any character.
        json_type(part, concat('/', replace(replace(key_name, '~', '~0'), '/', '~1'))) as json_type
    from keyed
)

select
    session_id,
    line_type,
    subtype,
    client_version,
    concat(prefix, key_name) as field_path,
    case json_type
        when 'VARCHAR' then 'string'
        when 'ARRAY' then 'array'
        when 'OBJECT' then 'object'
        when 'BOOLEAN' then 'boolean'
        when 'NULL' then 'null' else 'number'
    end as data_type,
    count(*) as line_count,
    min(created_at) as first_seen_at,
    _batch_id
from typed
group by all
