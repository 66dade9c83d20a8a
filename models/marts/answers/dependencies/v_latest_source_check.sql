with ranked as (
    select
        *,
        row_number() over (partition by source_id order by checked_at desc nulls last, check_id)
            as newest_rank
    from {{ ref('fact_watermark_check') }}
)

select
    sources.source_id,
    sources.source_name,
    sources.source_type,
    sources.url,
    ranked.check_id,
    ranked.checked_at,
    ranked.check_type,
    ranked.status_code,
    ranked.is_available,
    ranked.changed,
    ranked.content_hash,
    ranked.version_detected,
    ranked.error_text,
    ranked.provenance
from {{ ref('dim_source') }} as sources
inner join ranked on ranked.source_id = sources.source_id and ranked.newest_rank = 1
