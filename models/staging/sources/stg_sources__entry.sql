-- The newest state of each entry in each list.
with ranked as (
    select
        *,
        {{ json_struct('pages', '["VARCHAR"]') }} as page_list,
        {{ json_struct('skills', '["VARCHAR"]') }} as skill_list,
        {{ json_struct('components', '["VARCHAR"]') }} as component_list,
        min(listed_at) over (partition by source_name, listed_in) as first_listed_at,
        row_number() over (partition by source_name, listed_in order by _batch_id desc, listed_at desc)
            as newest_rank,
        row_number() over (
            partition by source_name order by is_listed desc, _batch_id desc, listed_at desc, listed_in
        ) as name_rank
    from {{ source('scans', 'source_entry') }}
)

select
    source_name,
    source_type,
    dependency_type,
    url,
    owner,
    page_list,
    skill_list,
    component_list,
    listed_in,
    is_listed,
    name_rank = 1 as is_newest_of_name,
    set_aside_reason,
    first_listed_at,
    listed_at,
    _batch_id
from ranked
where newest_rank = 1
