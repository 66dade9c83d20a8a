with ranked as (
    select
        *,
        row_number() over (partition by page_id order by checked_at desc nulls last, check_id) as newest_rank,
        count(*) over (partition by page_id) as check_count,
        max(case when changed then checked_at end) over (partition by page_id) as last_changed_at
    from {{ ref('fact_watermark_check') }}
    where content_hash is not null
)

select
    ranked.page_id,
    ranked.source_id,
    pages.url,
    ranked.check_id,
    ranked.checked_at,
    ranked.last_changed_at,
    ranked.content_hash,
    ranked.hash_basis,
    ranked.provenance,
    ranked.check_count
from ranked
inner join {{ ref('dim_page') }} as pages on pages.page_id = ranked.page_id
where ranked.newest_rank = 1
