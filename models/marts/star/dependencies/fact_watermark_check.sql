with looks as (
    select
        *,
        lag(watermark) over same_page as previous_watermark,
        lag(looked_at) over same_page as previous_looked_at
    from {{ ref('int_page_look') }}
    where look_type <> 'health'
    window same_page as (
        partition by source_name, page_url, watermark_kind, case when watermark is null then look_id end
        order by looked_at nulls first, look_id
    )
),

compared as (
    select
        *,
        coalesce(old_watermark, previous_watermark) as compared_watermark
    from looks
)

select
    look_id as check_id,
    {{ surrogate_key(['source_name']) }} as source_id,
    {{ surrogate_key(['source_name', 'page_url']) }} as page_id,
    session_id,
    agent_id,
    looked_at as checked_at,
    previous_looked_at as previous_checked_at,
    look_type as check_type,
    last_modified,
    etag,
    watermark as content_hash,
    compared_watermark as previous_hash,
    watermark_kind as hash_basis,
    version_detected,
    left(error_text, 500) as error_text,
    provenance,
    is_available,
    coalesce(watermark <> compared_watermark, false) as changed,
    watermark is not null and compared_watermark is null as is_first,
    status_code,
    content_bytes,
    response_time_ms,
    _source_path,
    _source_line,
    _batch_id
from compared
