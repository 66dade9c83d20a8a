-- What tasks take the longest?
select
    ui.categorized_as as task_type,
    avg(extract(epoch from (si.achieved_at - si.stated_at))) as avg_seconds,
    count(*) as tasks
from {{ ref('fact_session_intent') }} as si
inner join {{ ref('dim_user_intent') }} as ui on ui.intent_id = si.intent_id
where si.achieved = true
group by ui.categorized_as
order by avg_seconds desc
