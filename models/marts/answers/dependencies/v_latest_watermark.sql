with ranked as (
    select
        *,
        row_number() over (partition by source_id order by checked_at desc nulls last, check_id)
            as newest_rank
    from {{ ref('fact_watermark_check') }}
    where content_hash is not null or etag is not null or last_modified is not null
)

select
    ranked.source_id,
    sources.source_name,
    sources.source_type,
    ranked.page_id,
    ranked.check_id,
    ranked.checked_at,
    ranked.last_modified,
    ranked.etag,
    ranked.content_hash,
    ranked.hash_basis,
    ranked.version_detected,
    ranked.provenance,
    ranked.changed
from ranked
inner join {{ ref('dim_source') }} as sources on sources.source_id = ranked.source_id
where ranked.newest_rank = 1
