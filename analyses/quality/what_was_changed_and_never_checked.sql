-- Which files did agents change that no test, check or build has covered since?
select artifact_path, last_modified_at, change_count, project_last_checked_at
from {{ ref('v_never_validated') }}
order by last_modified_at desc
