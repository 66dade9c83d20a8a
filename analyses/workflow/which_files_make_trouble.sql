-- Which files are edited again and again, and what goes wrong?
select
    file_path, session_count, edit_count, failed_edit_count, conflict_count, merge_conflict_count,
    external_change_count
from {{ ref('v_hot_file') }}
order by
    failed_edit_count + conflict_count + merge_conflict_count + external_change_count desc, edit_count desc
limit 20
