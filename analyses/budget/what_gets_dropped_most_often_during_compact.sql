-- What gets dropped most often during compact?
select
    c.component_name,
    count(*) as times_dropped
from {{ ref('fact_context_overflow') }} as o,
    lateral (select unnest(json_extract_string(o.dropped_components, '$[*]')) as cid) as dropped
inner join {{ ref('dim_component') }} as c on c.component_id = dropped.cid
group by c.component_name
order by times_dropped desc
