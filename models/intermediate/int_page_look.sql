{{ config(materialized='table') }}

-- Every visit to a page, by agents and checks. A listed page belongs to the source of that name.
with listed as (
    select
        {{ url_page('page') }} as page_name,
        min(source_name) as source_name,
        min_by(source_type, source_name) as source_type
    from {{ explode(
        "(select * from " ~ ref('stg_sources__entry') ~ " where is_listed)", 'page_list', 'page',
        'page_number'
    ) }} as exploded
    where page like '%://%'
    group by all
),

placed as (
    select
        observed.*,
        coalesce(listed.source_name, {{ url_source('observed.url') }}) as source_name,
        coalesce(listed.source_type, {{ url_source_type('observed.url') }}) as source_type,
        concat('https://', {{ url_page('observed.url') }}) as page_url
    from {{ ref('int_page_visit') }} as observed
    left join listed on listed.page_name = {{ url_page('observed.url') }}
)

select
    look_id,
    session_id,
    agent_id,
    tool_use_id,
    source_name,
    source_type,
    page_url,
    look_type,
    looked_at,
    status_code,
    is_available,
    etag,
    last_modified,
    watermark,
    watermark_kind,
    old_watermark,
    content_bytes,
    version_detected,
    cast(round(duration_ms) as bigint) as response_time_ms,
    error_text,
    'observed' as provenance,
    _source_path,
    _source_line,
    _batch_id
from placed
union all
select
    check_id as look_id,
    cast(null as varchar) as session_id,
    cast(null as varchar) as agent_id,
    cast(null as varchar) as tool_use_id,
    source_name,
    source_type,
    case
        when check_type in ('http', 'health') then concat('https://', {{ url_page('target') }})
        else target
    end as page_url,
    check_type as look_type,
    checked_at as looked_at,
    status_code,
    is_available,
    etag,
    last_modified,
    content_hash as watermark,
    case when check_type = 'git' then 'commit' else 'content' end as watermark_kind,
    cast(null as varchar) as old_watermark,
    content_bytes,
    version_detected,
    response_time_ms,
    error as error_text,
    'recorded' as provenance,
    cast(null as varchar) as _source_path,
    cast(null as bigint) as _source_line,
    _batch_id
from {{ ref('stg_sources__check') }}
