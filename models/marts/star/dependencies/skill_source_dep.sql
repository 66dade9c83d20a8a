with mentions as (
    select
        *,
        max(case when mention_type in ('fetched', 'checked') then last_seen_at end) over (
            partition by source_name
        ) as last_looked_at
    from {{ ref('int_page_mention') }}
)

select
    {{ surrogate_key(["'skill'", 'component_name']) }} as skill_id,
    {{ surrogate_key(['source_name']) }} as source_id,
    case when bool_or(mention_type = 'listed') then 'listed' else 'cites' end as relationship_type,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at,
    max(last_looked_at) as last_checked_at,
    case when bool_or(mention_type = 'listed') then 'recorded' else 'observed' end as provenance,
    count(distinct page_url) as page_count,
    count(distinct file_path) as file_count
from mentions
where component_type = 'skill' and component_name is not null
group by component_name, source_name
