{{ config(materialized='table') }}

-- Every place that names a page: the text of a skill, a list of sources, a fetch.
with texts as (
    select
        session_id,
        'skill' as component_type,
        skill_name as component_name,
        skill_path as file_path,
        body_text as content,
        created_at as seen_at
    from {{ ref('int_skill_body') }}
    where component_type = 'skill' and body_text like '%://%'
    union all
    select
        session_id,
        component_type,
        component_name,
        file_path,
        content,
        measured_at as seen_at
    from {{ ref('int_component_version') }}
    where content like '%://%' and component_type in ('skill', 'agent', 'command', 'reference_file')
),

text_sights as (
    select
        session_id,
        component_type,
        component_name,
        file_path,
        md5(content) as content_hash,
        min(seen_at) as first_seen_at,
        max(seen_at) as last_seen_at
    from texts
    group by all
),

-- A text is parsed once, however many sessions show it.
distinct_texts as (
    select distinct content from texts
),

text_urls as (
    select distinct
        content_hash,
        {{ regex_remove('url', '[.,;:!?*_)]+$') }} as url
    from {{ explode(
        "(select md5(content) as content_hash, "
        ~ regex_groups('content', "https?://[A-Za-z0-9][^\\s<>()\"''`\\]\\[}{|\\\\$]*", 0)
        ~ " as urls from distinct_texts)", 'urls', 'url', 'url_number'
    ) }} as exploded
),

cited as (
    select
        text_sights.session_id,
        text_sights.component_type,
        text_sights.component_name,
        text_sights.file_path,
        text_sights.first_seen_at,
        text_sights.last_seen_at,
        text_urls.url
    from text_sights
    inner join text_urls on text_urls.content_hash = text_sights.content_hash
),

listed_pages as (
    select
        source_name,
        source_type,
        page,
        skill_list,
        component_list,
        first_listed_at,
        listed_at
    from {{ explode(
        "(select * from " ~ ref('stg_sources__entry') ~ " where is_listed and is_newest_of_name)",
        'page_list', 'page', 'page_number'
    ) }} as exploded
),

listed as (
    select
        source_name,
        min(source_type) as source_type,
        {{ url_page('page') }} as page_name
    from listed_pages
    where page like '%://%'
    group by all
),

listed_skills as (
    select
        source_name,
        source_type,
        page,
        skill_name,
        first_listed_at,
        listed_at
    from {{ explode('listed_pages', 'skill_list', 'skill_name', 'skill_number') }} as exploded
),

mentions as (
    select
        cited.session_id,
        coalesce(listed.source_name, {{ url_source('cited.url') }}) as source_name,
        coalesce(listed.source_type, {{ url_source_type('cited.url') }}) as source_type,
        concat('https://', {{ url_page('cited.url') }}) as page_url,
        'cited' as mention_type,
        cited.component_type,
        cited.component_name,
        cited.file_path,
        cited.first_seen_at,
        cited.last_seen_at,
        'observed' as provenance
    from cited
    left join listed on listed.page_name = {{ url_page('cited.url') }}
    where
        {{ url_host('cited.url') }} like '%.%' and {{ url_host('cited.url') }} not in ('127.0.0.1', '0.0.0.0')
        and not {{ regex_matches(url_host('cited.url'), "'(^|[.])example[.](com|org|net)$'") }}
    union all
    select
        cast(null as varchar) as session_id,
        source_name,
        source_type,
        case when page like '%://%' then concat('https://', {{ url_page('page') }}) else page end as page_url,
        'listed' as mention_type,
        'skill' as component_type,
        skill_name as component_name,
        cast(null as varchar) as file_path,
        first_listed_at as first_seen_at,
        listed_at as last_seen_at,
        'recorded' as provenance
    from listed_skills
    union all
    select
        cast(null as varchar) as session_id,
        source_name,
        source_type,
        case when page like '%://%' then concat('https://', {{ url_page('page') }}) else page end as page_url,
        'listed' as mention_type,
        cast(null as varchar) as component_type,
        cast(null as varchar) as component_name,
        cast(null as varchar) as file_path,
        first_listed_at as first_seen_at,
        listed_at as last_seen_at,
        'recorded' as provenance
    from listed_pages
    union all
    select
        session_id,
        source_name,
        min(source_type) as source_type,
        page_url,
        case when provenance = 'recorded' then 'checked' else 'fetched' end as mention_type,
        cast(null as varchar) as component_type,
        cast(null as varchar) as component_name,
        cast(null as varchar) as file_path,
        min(looked_at) as first_seen_at,
        max(looked_at) as last_seen_at,
        provenance
    from {{ ref('int_page_look') }}
    group by session_id, source_name, page_url, provenance
)

select
    {{ surrogate_key([
        'session_id', 'source_name', 'page_url', 'mention_type', 'component_type', 'component_name',
        'file_path', 'provenance'
    ]) }} as mention_id,
    session_id,
    source_name,
    min(source_type) as source_type,
    page_url,
    mention_type,
    component_type,
    component_name,
    file_path,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at,
    provenance
from mentions
where source_name <> ''
group by
    session_id, source_name, page_url, mention_type, component_type, component_name, file_path, provenance
