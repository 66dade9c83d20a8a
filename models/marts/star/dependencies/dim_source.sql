with mentions as (
    select
        source_name,
        source_type,
        page_url,
        mention_type,
        first_seen_at,
        last_seen_at,
        provenance
    from {{ ref('int_page_mention') }}
    union all
    select
        source_name,
        source_type,
        null,
        'listed',
        first_listed_at,
        listed_at,
        'recorded'
    from {{ ref('stg_sources__entry') }}
    where is_newest_of_name and set_aside_reason is null
),

listed as (
    select
        source_name,
        source_type,
        url,
        owner,
        is_listed
    from {{ ref('stg_sources__entry') }}
    where is_newest_of_name and set_aside_reason is null
)

select
    {{ surrogate_key(['mentions.source_name']) }} as source_id,
    mentions.source_name,
    -- A host has several types only if it serves both pages and an API: the alphabetically first one is
    -- taken.
    coalesce(min(listed.source_type), min(mentions.source_type)) as source_type,
    coalesce(
        min(listed.url),
        case when mentions.source_name like '%.%' then concat('https://', mentions.source_name) end
    ) as url,
    min(listed.owner) as owner,
    min(mentions.first_seen_at) as created_at,
    max(mentions.last_seen_at) as last_seen_at,
    case when count(listed.source_name) > 0 then 'recorded' else 'observed' end as provenance,
    coalesce(bool_or(listed.is_listed), false) as is_listed,
    bool_or(mentions.mention_type = 'cited') as is_cited,
    bool_or(mentions.mention_type in ('fetched', 'checked')) as is_seen,
    count(distinct mentions.page_url) as page_count
from mentions
left join listed on listed.source_name = mentions.source_name
group by mentions.source_name
