with queries as (
    select * from {{ ref('stg_events__event') }}
    where event_kind = 'query'
)

select
    event_id as query_id,
    session_id,
    payload.user_id,
    occurred_at as queried_at,
    coalesce(payload.interface, 'unknown') as interface,
    payload.tool as tool_name,
    coalesce(payload.sql_hash, md5(sql_text)) as query_hash,
    left(sql_text, {{ var('text_characters_kept') }}) as query_text,
    left(error, 2000) as error_text,
    host,
    'recorded' as provenance,
    error is null as success,
    payload.row_count as row_count,
    duration_ms,
    source_path as _source_path,
    line_number as _source_line,
    _batch_id
from queries
