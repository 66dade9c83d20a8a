with mentions as (
    select * from {{ ref('int_page_mention') }}
)

select
    {{ surrogate_key(['source_name', 'page_url']) }} as page_id,
    {{ surrogate_key(['source_name']) }} as source_id,
    page_url as url,
    min(first_seen_at) as created_at,
    max(last_seen_at) as last_seen_at,
    case when bool_and(provenance = 'recorded') then 'recorded' else 'observed' end as provenance,
    bool_or(mention_type = 'cited') as is_cited,
    bool_or(mention_type = 'listed') as is_listed,
    bool_or(mention_type = 'fetched') as is_fetched,
    bool_or(mention_type = 'checked') as is_checked
from mentions
group by source_name, page_url
