-- What gets dropped most often during compact?
select c.component_name,
       count(*) as times_dropped
from {{ ref('fact_context_overflow') }} o,
     lateral (select unnest(json_extract_string(o.dropped_components, '$[*]')) as cid) as dropped
join {{ ref('dim_component') }} c on c.component_id = dropped.cid
group by c.component_name
order by times_dropped desc
