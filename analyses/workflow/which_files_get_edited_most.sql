-- Which files get edited most?
-- Days are counted back from the newest action in the store, so that archives work too.
select
    f.file_path, f.file_type,
    count(*) as edits,
    sum(fm.lines_added) as total_lines_added,
    sum(fm.lines_deleted) as total_lines_deleted
from {{ ref('fact_file_modification') }} as fm
inner join {{ ref('dim_file') }} as f on f.file_id = fm.file_id
where fm.modified_at > (select max(action_at) from {{ ref('fact_agent_action') }}) - interval '90 days'
group by f.file_path, f.file_type
order by edits desc
